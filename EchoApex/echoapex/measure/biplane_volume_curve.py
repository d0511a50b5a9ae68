"""Biplane volume between end-diastole and end-systole, from two clips that show different beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..cine import FloatArray
from .biplane_ef import require_views
from .disk_summation import CavityShape, biplane_volume
from .measurement import Source
from .single_plane_ef import LVResult

LABEL = "phase-aligned, different beats"
"""What must be said wherever the curve is shown."""

STEPS = 20
"""Steps from end-diastole to end-systole, and from there to the next end-diastole (own choice)."""


@dataclass(frozen=True)
class BiplaneCurve:
    """Volume over the phase of a beat.

    ``phase [N]`` is 0 at ED, 1 at ES and 2 at the next ED: fractions of systole, then of diastole; it ends at 1 where
    one of the clips has no complete beat. ``volume_ml [N]`` agrees with the biplane LVEDV at 0 and LVESV at 1.
    ``sources`` name the frames of each beat that its shapes are interpolated from: no frame shows a volume by itself.
    """

    phase: FloatArray
    volume_ml: FloatArray
    sources: tuple[Source, ...]
    label: str = LABEL


def biplane_curve(a4c: LVResult, a2c: LVResult) -> BiplaneCurve:
    """Biplane volume by disks with each view resampled to fractions of its systole and of its diastole.

    Disks and long axes are averaged over the beats of each view: all of them for systole, the complete ones for
    diastole. Raises as `biplane_ef.measure_biplane`.
    """
    require_views(a4c, a2c)
    views = (a4c, a2c)
    systole = [[(beat.ed, beat.es) for beat in view.beats] for view in views]
    diastole = [[(beat.es, beat.next_ed) for beat in view.beats if beat.next_ed is not None] for view in views]
    volumes = _volumes(views, systole)
    if all(diastole):
        volumes = np.concatenate([volumes, _volumes(views, diastole)[1:]])
    else:
        diastole = [[], []]
    sources = tuple(
        source
        for view, first, second in zip(views, systole, diastole, strict=True)
        for source in _sources(view, [*first, *second])
    )
    return BiplaneCurve(np.arange(volumes.size) / STEPS, volumes, sources)


def _volumes(views: Sequence[LVResult], spans: Sequence[Sequence[tuple[int, int]]]) -> FloatArray:
    """Volumes ``[STEPS + 1]`` over a part of the beat that is ``spans`` of frames in each view."""
    a, b = (
        np.mean([_resampled(view.shapes, *span) for span in of_view], axis=0)
        for view, of_view in zip(views, spans, strict=True)
    )
    return np.array([biplane_volume(p[1:], q[1:], p[0], q[0]) for p, q in zip(a, b, strict=True)], np.float64)


def _resampled(shapes: Sequence[CavityShape | None], start: int, end: int) -> FloatArray:
    """Length and disk diameters ``[STEPS + 1, 21]`` in even steps from frame ``start`` to ``end``."""
    frames = _measured(shapes, start, end)
    known = [shape for shape in (shapes[frame] for frame in frames) if shape is not None]
    table = np.array([[shape.axis.length, *shape.diameters] for shape in known])
    places = np.linspace(start, end, STEPS + 1)
    return np.stack([np.interp(places, frames, column) for column in table.T], axis=1)


def _measured(shapes: Sequence[CavityShape | None], start: int, end: int) -> list[int]:
    return [frame for frame in range(start, end + 1) if shapes[frame] is not None]


def _sources(view: LVResult, spans: Sequence[tuple[int, int]]) -> list[Source]:
    return [Source(view.clip, tuple(_measured(view.shapes, *span))) for span in spans]
