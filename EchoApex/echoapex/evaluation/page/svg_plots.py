"""Plain drawings as SVG for a page: points in a frame with axes, and a matrix of shares. Colors follow the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ...report.curve_chart import even_ticks
from ..bootstrap_scores import FloatArray

WIDTH, HEIGHT = 420, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 408, 14, 286
_CELL, _MATRIX_LEFT, _MATRIX_TOP = 46, 96, 70

STYLE = (
    ".plot{width:100%;height:auto}"
    ".plot text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:currentColor}"
    ".plot .grid{stroke:currentColor;stroke-opacity:.14}"
    ".plot .frame{stroke:currentColor;stroke-opacity:.6;fill:none}"
    ".plot .points{stroke:#d9480f;stroke-opacity:.65;stroke-width:5.5;stroke-linecap:round;fill:none}"
    ".plot .bin{fill:#d9480f;fill-opacity:.8}"
    ".plot .line{stroke:#4c7fb8;stroke-width:1.8;stroke-dasharray:6 4;fill:none}"
    ".plot .cell{stroke:currentColor;stroke-opacity:.18}"
)


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows, and from where to where (of the data where None)."""

    title: str
    low: float | None = None
    high: float | None = None

    def span(self, values: FloatArray) -> tuple[float, float]:
        """Ends of the axis: what was asked for, or the data with a margin of a twentieth."""
        low, high = float(np.min(values)), float(np.max(values))
        margin = 0.05 * (high - low) or max(1.0, abs(low)) * 0.05
        return (low - margin if self.low is None else self.low), (high + margin if self.high is None else self.high)


class _Frame:
    """Where a value lies in the drawing."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.x_span, self.y_span = x, y

    def x(self, value: float) -> float:
        low, high = self.x_span
        return _LEFT + (value - low) / (high - low) * (_RIGHT - _LEFT)

    def y(self, value: float) -> float:
        low, high = self.y_span
        return _BOTTOM + (value - low) / (high - low) * (_TOP - _BOTTOM)


def point_plot(
    title: str,
    points: FloatArray,
    x: Axis,
    y: Axis,
    *,
    levels: Sequence[tuple[float, str]] = (),
    diagonal: bool = False,
    sizes: Sequence[float] = (),
) -> str:
    """Points ``[N, 2]`` in a frame; dashed ``levels`` (value, name) across it; ``sizes`` makes circles of them."""
    heights = np.concatenate([points[:, 1], [value for value, _ in levels]])
    frame = _Frame(x.span(points[:, 0]), y.span(heights))
    drawn = _circles(frame, points, sizes) if len(sizes) else _dots(frame, points)
    parts = [*_axes(frame, x.title, y.title), *_levels(frame, levels), *(_diagonal(frame) if diagonal else ()), drawn]
    return _svg(title, WIDTH, HEIGHT, parts)


def _axes(frame: _Frame, x_title: str, y_title: str) -> Iterable[str]:
    for tick in even_ticks(*frame.y_span, 6):
        height = frame.y(tick)
        yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>'
        yield f'<text x="{_LEFT - 7}" y="{height + 4:.1f}" text-anchor="end">{tick:g}</text>'
    for tick in even_ticks(*frame.x_span, 6):
        place = frame.x(tick)
        yield f'<line class="frame" x1="{place:.1f}" x2="{place:.1f}" y1="{_BOTTOM}" y2="{_BOTTOM + 5}"/>'
        yield f'<text x="{place:.1f}" y="{_BOTTOM + 20}" text-anchor="middle">{tick:g}</text>'
    yield f'<path class="frame" d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"/>'
    yield f'<text x="{(_LEFT + _RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(x_title)}</text>'
    middle = (_TOP + _BOTTOM) / 2
    turned = f'transform="rotate(-90 15 {middle})"'
    yield f'<text x="15" y="{middle}" text-anchor="middle" {turned}>{escape(y_title)}</text>'


def _levels(frame: _Frame, levels: Sequence[tuple[float, str]]) -> Iterable[str]:
    for value, name in levels:
        height = frame.y(value)
        yield f'<line class="line" x1="{_LEFT}" x2="{_RIGHT}" y1="{height:.1f}" y2="{height:.1f}"/>'
        yield f'<text x="{_RIGHT - 2}" y="{height - 4:.1f}" text-anchor="end">{escape(name)}</text>'


def _diagonal(frame: _Frame) -> Iterable[str]:
    low, high = max(frame.x_span[0], frame.y_span[0]), min(frame.x_span[1], frame.y_span[1])
    if low < high:
        yield f'<path class="line" d="M{frame.x(low):.1f} {frame.y(low):.1f}L{frame.x(high):.1f} {frame.y(high):.1f}"/>'


def _dots(frame: _Frame, points: FloatArray) -> str:
    # One path of lines without length: hundreds of circles would make the page ten times as large.
    places = "".join(f"M{frame.x(px):.1f} {frame.y(py):.1f}h0" for px, py in points)
    return f'<path class="points" d="{places}"/>'


def _circles(frame: _Frame, points: FloatArray, sizes: Sequence[float]) -> str:
    """Circles whose area goes with ``sizes``."""
    radii = 3 + 11 * np.sqrt(np.asarray(sizes, np.float64) / max(sizes))
    return "".join(
        f'<circle class="bin" cx="{frame.x(px):.1f}" cy="{frame.y(py):.1f}" r="{radius:.1f}"/>'
        for (px, py), radius in zip(points, radii, strict=True)
    )


def matrix_plot(title: str, counts: FloatArray, rows: Sequence[str], columns: Sequence[str]) -> str:
    """Counts ``[R, C]`` as shares of their row, in percent; the darker, the more."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    parts = [*_matrix_names(rows, columns)]
    for (row, column), share in np.ndenumerate(shares):
        x, y = _MATRIX_LEFT + column * _CELL, _MATRIX_TOP + row * _CELL
        place = f'x="{x}" y="{y}" width="{_CELL}" height="{_CELL}"'
        parts.append(f'<rect class="cell" {place} fill="#d9480f" fill-opacity="{0.75 * share:.2f}"/>')
        if share > 0:
            text = f"{100 * share:.0f}"
            parts.append(f'<text x="{x + _CELL / 2}" y="{y + _CELL / 2 + 5}" text-anchor="middle">{text}</text>')
    size = _MATRIX_LEFT + len(columns) * _CELL + 4, _MATRIX_TOP + len(rows) * _CELL + 4
    return _svg(title, *size, parts)


def _matrix_names(rows: Sequence[str], columns: Sequence[str]) -> Iterable[str]:
    for index, name in enumerate(columns):
        x, y = _MATRIX_LEFT + (index + 0.5) * _CELL, _MATRIX_TOP - 8
        yield f'<text x="{x}" y="{y}" transform="rotate(-40 {x} {y})">{escape(name)}</text>'
    for index, name in enumerate(rows):
        line = _MATRIX_TOP + (index + 0.5) * _CELL + 5
        yield f'<text x="{_MATRIX_LEFT - 8}" y="{line}" text-anchor="end">{escape(name)}</text>'


def _svg(title: str, width: float, height: float, parts: Iterable[str]) -> str:
    opening = f'<svg class="plot" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(title)}">'
    return f"{opening}{''.join(parts)}</svg>"
