"""The size of the left ventricle over time, as SVG that works in a page and as a file of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ..cine import FloatArray
from ..measure.measurement import Beat
from .curve_values import Curve

WIDTH, HEIGHT = 560, 350
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 544, 46, 296
# In a page these rules hold for the whole of it, so each names the chart.
_STYLE = (
    ".chart text{font:15px system-ui,-apple-system,'Segoe UI',sans-serif;fill:currentColor}"
    ".chart .name{font-weight:600}"
    ".chart .grid{stroke:currentColor;stroke-opacity:.16}"
    ".chart .frame{stroke:currentColor;stroke-opacity:.6;fill:none}"
    ".chart .curve{stroke:#d9480f;stroke-width:2.6;fill:none;stroke-linejoin:round}"
    ".chart .truth{stroke:#4c7fb8;stroke-width:2.4;stroke-dasharray:7 5;fill:none}"
    ".chart .event{stroke:currentColor;stroke-opacity:.45;stroke-dasharray:2 4}"
    ".chart .ed,.chart .es{fill:#d9480f;stroke:#fff;stroke-width:1.5}"
    ".chart .cursor{stroke:currentColor;stroke-width:1.4;visibility:hidden}"
    ".chart .dot{fill:currentColor;stroke:#fff;stroke-width:1.5;visibility:hidden}"
)


@dataclass(frozen=True)
class Chart:
    """The drawing and where each frame lies in it; ``y`` is None where nothing was measured."""

    svg: str
    x: list[float]
    y: list[float | None]


@dataclass(frozen=True)
class _Scale:
    """From a value to a place in the drawing."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def draw_chart(curve: Curve) -> Chart:
    """``curve`` over its axis; its truth beside it where there is one.

    End-diastole and end-systole of each beat are marked.
    """
    values, truth, moments = curve.values, curve.truth, curve.moments
    x = _Scale(float(moments[0]), float(moments[-1]), _LEFT, _RIGHT)
    y = _Scale(0.0, 1.08 * _top(values, truth), _BOTTOM, _TOP)
    places = [x(moment) for moment in moments]
    heights = _heights(y, values)
    parts = [
        *_axes(x, y, curve.axis),
        *_labels(curve),
        *([] if truth is None else [_line("truth", places, _heights(y, truth))]),
        _line("curve", places, heights),
        *_events(curve.beats, places, heights),
        f'<line class="cursor" y1="{_TOP}" y2="{_BOTTOM}"/><circle class="dot" r="5"/>',
    ]
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
    svg = f'{opening} aria-label="{escape(curve.description)}"><style>{_STYLE}</style>{"".join(parts)}</svg>'
    return Chart(svg, [round(place, 1) for place in places], [None if h is None else round(h, 1) for h in heights])


def _top(values: FloatArray, truth: FloatArray | None) -> float:
    return float(np.nanmax(values if truth is None else np.concatenate([values, truth])))


def _heights(y: _Scale, values: FloatArray) -> list[float | None]:
    return [y(float(value)) if np.isfinite(value) else None for value in values]


def _labels(curve: Curve) -> Iterable[str]:
    yield f'<text class="name" x="8" y="18">{escape(curve.title)}</text>'
    if curve.truth is not None:
        yield f'<line class="truth" x1="{_RIGHT - 132}" x2="{_RIGHT - 100}" y1="13" y2="13"/>'
        yield f'<text x="{_RIGHT}" y="18" text-anchor="end">{escape(curve.truth_title)}</text>'


def _axes(x: _Scale, y: _Scale, x_title: str) -> Iterable[str]:
    for tick in even_ticks(y.low, y.high, 5):
        yield f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y(tick) + 5:.1f}" text-anchor="end">{tick:g}</text>'
    for tick in even_ticks(x.low, x.high, 6):
        yield f'<line class="frame" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{_BOTTOM}" y2="{_BOTTOM + 5}"/>'
        yield f'<text x="{x(tick):.1f}" y="{_BOTTOM + 22}" text-anchor="middle">{tick:g}</text>'
    yield f'<path class="frame" d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"/>'
    yield f'<text x="{(_LEFT + _RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{x_title}</text>'


def even_ticks(low: float, high: float, most: int) -> list[float]:
    """At most about ``most`` round values from ``low`` to ``high``."""
    rough = (high - low) / most
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [round(float(k * step), 9) for k in range(int(np.ceil(low / step)), int(np.floor(high / step + 1e-9)) + 1)]


def _line(kind: str, x: Sequence[float], y: Sequence[float | None]) -> str:
    """A line through the points, open where there is none."""
    path, drawing = "", False
    for place, height in zip(x, y, strict=True):
        if height is not None:
            path += f"{'L' if drawing else 'M'}{place:.1f} {height:.1f}"
        drawing = height is not None
    return f'<path class="{kind}" d="{path}"/>'


def _events(beats: Sequence[Beat], x: Sequence[float], y: Sequence[float | None]) -> Iterable[str]:
    """A mark for each end-diastole and end-systole, once."""
    ends = {frame: "ED" for beat in beats for frame in (beat.ed, beat.next_ed) if frame is not None}
    for frame, name in sorted({**ends, **{beat.es: "ES" for beat in beats}}.items()):
        place, height = x[frame], y[frame]
        yield f'<line class="event" x1="{place:.1f}" x2="{place:.1f}" y1="{_TOP - 4}" y2="{_BOTTOM}"/>'
        yield f'<text class="name" x="{place:.1f}" y="{_TOP - 8}" text-anchor="middle">{name}</text>'
        if height is not None:
            yield f'<circle class="{name.lower()}" cx="{place:.1f}" cy="{height:.1f}" r="5.5"/>'
