"""The left ventricle at end-diastole and end-systole while its outlines still come in, and with both set by hand.

Unattended, `single_plane_ef` bridges frames without an outline. Somebody who is still drawing must not be shown an EF
from a beat of which half is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, Cine, FloatArray
from ..errors import MeasureError
from .beats import BeatSearch, measure_heart_rate, search_beats
from .disk_summation import CavityShape
from .input_checks import APICAL_VIEWS, require_apical, require_masks
from .left_atrium import measure_la
from .long_axis import MmPerPx
from .measurement import Beat, Measurement
from .plausibility import judge
from .single_plane_ef import LVResult, lv_shapes, measure_shapes, shape_of

_REMEMBERED = 1000  # own choice: some clips; a frame takes a few kilobytes
_MARGIN_PX = 8  # more than anything that is measured looks around an outline


@dataclass(frozen=True)
class Phases:
    """The frames of end-diastole and end-systole, None where one is not known, and which of them were set by hand."""

    ed: int | None = None
    es: int | None = None
    ed_by_hand: bool = False
    es_by_hand: bool = False

    @property
    def by_hand(self) -> bool:
        """Whether at least one was set by hand."""
        return self.ed_by_hand or self.es_by_hand


@dataclass(frozen=True)
class Outlines:
    """The outlines of one clip, measured frame by frame.

    ``sizes [T]`` is the volume of the left ventricle in mL, or in px its area where there is no scale or the view is
    not apical; NaN where there is no outline. Beats are sought in ``searched [T]``, which is the volume by disks in
    apical views, with a scale or without. ``shapes`` is empty in other views; only their sizes count, not their places.
    ``window`` are the rows and columns that hold all outlines: the masks of both chambers are cut to it.
    """

    sizes: FloatArray
    unit: str
    searched: FloatArray
    shapes: tuple[CavityShape | None, ...]
    warnings: tuple[str, ...]
    lv_masks: BoolMask
    la_masks: BoolMask | None
    window: tuple[slice, slice]


@dataclass(frozen=True)
class PhaseResult:
    """Beats, phases and numbers; ``reason`` is one sentence that says why there is no EF, empty where there is one.

    ``phases`` are those of the first beat where nothing is set by hand, ``beats`` those that the numbers come from.
    """

    phases: Phases
    beats: tuple[Beat, ...]
    measurements: tuple[Measurement, ...]
    reason: str
    warnings: tuple[str, ...]


def measure_outlines(cine: Cine, view: str, lv_masks: NDArray[Any], la_masks: NDArray[Any] | None = None) -> Outlines:
    """Sizes the left ventricle in every frame of ``cine`` from its masks ``[T, H, W]``; those of the atrium place the
    base. An empty mask is a frame without outline. Raises `MeasureError` for masks of another shape than the cine.
    """
    require_masks(lv_masks, la_masks)
    if lv_masks.shape != cine.frames.shape:
        raise MeasureError("The masks must have the shape of their cine, [T, H, W]", value=lv_masks.shape)
    window = _window(lv_masks, la_masks)
    # Copies: a part of an array would keep the whole of it in memory.
    ventricle = np.array(lv_masks[:, *window], np.bool_)
    atrium = None if la_masks is None or not la_masks.any() else np.array(la_masks[:, *window], np.bool_)
    areas = ventricle.sum(axis=(1, 2), dtype=np.float64)
    areas[areas == 0] = np.nan
    if view not in APICAL_VIEWS:
        scale = cine.scale.mm_per_px
        sizes, unit = (areas, "px") if scale is None else (areas * scale[0] * scale[1] / 100, "cm²")
        return Outlines(sizes, unit, areas, (), (), ventricle, atrium, window)
    shapes, warnings = _shapes(ventricle, atrium, cine.scale.mm_per_px)
    disks = np.array([np.nan if shape is None else shape.disk_volume for shape in shapes], np.float64)
    sizes, unit = (disks, "mL") if cine.scale.known else (np.where(np.isnan(disks), np.nan, areas), "px")
    return Outlines(sizes, unit, disks, shapes, warnings, ventricle, atrium, window)


def _window(*stacks: NDArray[Any] | None) -> tuple[slice, slice]:
    """Rows and columns of all that is drawn, with a margin; most of a frame is empty and would cost time."""
    drawn = np.any([stack.any(axis=0) for stack in stacks if stack is not None], axis=0)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not rows.size:
        return slice(0, 1), slice(0, 1)
    return _around(rows), _around(columns)


def _around(places: NDArray[np.intp]) -> slice:
    return slice(max(int(places[0]) - _MARGIN_PX, 0), int(places[-1]) + _MARGIN_PX + 1)


def _shapes(
    ventricle: BoolMask, atrium: BoolMask | None, mm_per_px: MmPerPx | None
) -> tuple[tuple[CavityShape | None, ...], tuple[str, ...]]:
    try:
        return lv_shapes(ventricle, atrium, mm_per_px, _remembered)
    except MeasureError:  # nothing is outlined yet
        return (None,) * len(ventricle), ()


def _remembered(
    mask: NDArray[Any], la_mask: NDArray[Any] | None, mm_per_px: MmPerPx | None, apex: FloatArray | None = None
) -> CavityShape | None:
    """As `shape_of`: the sizes are those of the whole mask, places count from the corner of what is drawn in it."""
    window = _window(mask[None], None if la_mask is None else la_mask[None])
    part = np.ascontiguousarray(mask[window], np.bool_)
    atrium = None if la_mask is None else np.packbits(la_mask[window]).tobytes()
    direction = None if apex is None else (float(apex[0]), float(apex[1]))
    return _measured(np.packbits(part).tobytes(), part.shape, atrium, mm_per_px, direction)


@lru_cache(maxsize=_REMEMBERED)
def _measured(
    mask: bytes,
    shape: tuple[int, int],
    la_mask: bytes | None,
    mm_per_px: MmPerPx | None,
    apex: tuple[float, float] | None,
) -> CavityShape | None:
    atrium = None if la_mask is None else _unpacked(la_mask, shape)
    return shape_of(_unpacked(mask, shape), atrium, mm_per_px, None if apex is None else np.array(apex))


def _unpacked(bits: bytes, shape: tuple[int, int]) -> BoolMask:
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=shape[0] * shape[1]).reshape(shape).astype(np.bool_)


def measure_phases(
    clip: str,
    view: str,
    outlines: Outlines,
    cine: Cine,
    *,
    by_hand: Phases | None = None,
    confidence: Mapping[str, FloatArray] | None = None,
) -> PhaseResult:
    """``LVEDV LVESV LVSV LVEF LVLd LVLs HR`` and ``LAV`` of one clip, as `measure_lv` and `measure_la` have them.

    Beats that were found count where every frame from ED to ES has an outline. ``by_hand`` sets ED, ES or both for a
    single beat, which needs outlines in these two frames only; the other comes from the nearest beat that was found.
    ``confidence`` has for ``LV`` and ``LA`` the predicted Dice of each frame ``[T]``. Without a scale there are no
    volumes, in views that are not apical no EF, and what no heart can have is withheld with the reason among the
    warnings. Raises `MeasureError` for confidence of another length.
    """
    known = np.isfinite(outlines.searched)
    search, reason = _search(outlines.searched, known, cine)
    found = tuple(beat for beat in search.beats if known[beat.ed : beat.es + 1].all())
    rate = measure_heart_rate(clip, found, cine.times)
    phases = _phases(search.beats, found, by_hand)
    doubts: tuple[str, ...]
    if phases.by_hand:
        reason, doubts = _missing_phase(phases, known), (phases_told(phases),)
        beats = () if reason else _beat(phases)
    else:
        beats, doubts = found, (*search.warnings, *_left_out(search.beats, found, known))
    reason = _wrong_view(view) or reason
    if reason:
        return PhaseResult(phases, beats, rate, reason, doubts)
    items, more = _numbers(clip, view, outlines, cine, beats, confidence or {})
    told = tuple(replace(item, warnings=(*doubts, *item.warnings)) for item in items)
    judged = judge((*told, *rate))
    return PhaseResult(phases, beats, judged.kept, "", (*doubts, *more, *map(str, judged.reasons)))


def beats_by_hand(found: Sequence[Beat], by_hand: Phases) -> tuple[Beat, ...]:
    """The one beat with the ED, ES or both that were set by hand; the other is that of the nearest beat ``found``.

    Raises `MeasureError` where that is not known, or the same frame.
    """
    phases = _phases(found, found, by_hand)
    if phases.ed is None or phases.es is None:
        rule = "Both ED and ES are needed: one was set by hand, and no beat was found"
        raise MeasureError(rule, value=phases_told(by_hand))
    if phases.ed == phases.es:
        raise MeasureError("ED and ES must be two frames", value=f"both are frame {phases.ed}")
    return (Beat(phases.ed, phases.es),)


def _beat(phases: Phases) -> tuple[Beat, ...]:
    return () if phases.ed is None or phases.es is None else (Beat(phases.ed, phases.es),)


def _numbers(
    clip: str,
    view: str,
    outlines: Outlines,
    cine: Cine,
    beats: Sequence[Beat],
    confidence: Mapping[str, FloatArray],
) -> tuple[tuple[Measurement, ...], tuple[str, ...]]:
    """Volumes, EF and the volume of the atrium at these beats, and warnings."""
    lv = measure_shapes(
        *(clip, view, outlines.shapes, outlines.warnings),
        scale=cine.scale,
        times=cine.times,
        beats=beats,
        confidence=confidence.get("LV"),
    )
    doubts = _swapped(lv)
    volumes = (item for item in lv.measurements if item.name != "HR")
    items = (*volumes, *_atrium(clip, view, outlines, cine, beats, confidence.get("LA")))
    return tuple(replace(item, warnings=(*doubts, *item.warnings)) for item in items), (*doubts, *lv.warnings)


def _search(sizes: FloatArray, known: NDArray[np.bool_], cine: Cine) -> tuple[BeatSearch, str]:
    """The beats that are found, and why there is no EF; empty where one of them has all its frames ``known``."""
    if not known.any():
        return BeatSearch(()), "EF needs an outline of the left ventricle, and no frame has one"
    try:
        search = search_beats(sizes, cine.times, cine.r_wave_times)
    except MeasureError as refusal:
        return BeatSearch(()), str(refusal)
    if any(known[beat.ed : beat.es + 1].all() for beat in search.beats):
        return search, ""
    if not known.all():
        return search, f"EF needs all frames from ED to ES; {_count(~known)} have no outline"
    return search, f"No beat was found: {search.reason}"


def _count(frames: NDArray[np.bool_]) -> str:
    return f"{int(frames.sum())} of {frames.size}"


def _left_out(beats: Sequence[Beat], used: Sequence[Beat], known: NDArray[np.bool_]) -> tuple[str, ...]:
    dropped = len(beats) - len(used)
    return (f"{dropped} beat(s) were left out: {_count(~known)} frames have no outline",) if dropped else ()


def _phases(beats: Sequence[Beat], whole: Sequence[Beat], by_hand: Phases | None) -> Phases:
    """Those of the first whole beat; what is set by hand, completed by the nearest beat if that one is whole."""
    if by_hand is None or not by_hand.by_hand:
        return Phases(whole[0].ed, whole[0].es) if whole else Phases()
    if by_hand.ed_by_hand and by_hand.es_by_hand:
        return by_hand
    chosen = by_hand.ed if by_hand.ed_by_hand else by_hand.es
    at = [beat.ed if by_hand.ed_by_hand else beat.es for beat in beats]
    nearest = min(zip(at, beats, strict=True), key=lambda item: abs(item[0] - (chosen or 0)), default=None)
    beat = None if nearest is None or nearest[1] not in whole else nearest[1]
    if by_hand.ed_by_hand:
        return replace(by_hand, es=None if beat is None else beat.es)
    return replace(by_hand, ed=None if beat is None else beat.ed)


def _missing_phase(phases: Phases, known: NDArray[np.bool_]) -> str:
    """Why the phases give no EF; empty where they do."""
    frames = {"ED": phases.ed, "ES": phases.es}
    absent = [name for name, frame in frames.items() if frame is None]
    if absent:
        return f"EF needs ED and ES; {' and '.join(absent)} is not known"
    if phases.ed == phases.es:
        return f"EF needs ED and ES in two frames; both are frame {phases.ed}"
    bare = [f"{name} (frame {frame})" for name, frame in frames.items() if frame is not None and not known[frame]]
    return f"EF needs an outline at ED and ES; {' and '.join(bare)} has none" if bare else ""


def phases_told(phases: Phases) -> str:
    """Which of the phases were set by hand, in words."""
    parts = (("ED", phases.ed, phases.ed_by_hand), ("ES", phases.es, phases.es_by_hand))
    return " and ".join(f"{name} (frame {frame})" for name, frame, chosen in parts if chosen) + " set by hand"


def why_no_ef(view: str) -> str:
    """Why there is no EF before anything is outlined, in one sentence."""
    return _wrong_view(view) or "EF needs an outline of the left ventricle"


def _wrong_view(view: str) -> str:
    try:
        require_apical(view)
    except MeasureError as refusal:
        return str(refusal)
    return ""


def _swapped(lv: LVResult) -> tuple[str, ...]:
    """A doubt where the ventricle is larger at end-systole than at end-diastole, which only a hand can set."""
    if all(item.ef_percent >= 0 for item in lv.beat_volumes):
        return ()
    return ("The left ventricle is larger at ES than at ED: are the two frames swapped?",)


def _atrium(
    clip: str, view: str, outlines: Outlines, cine: Cine, beats: Sequence[Beat], sure: FloatArray | None
) -> tuple[Measurement, ...]:
    if outlines.la_masks is None:
        return ()
    sector = cine.sector.mask[outlines.window]
    return measure_la(
        *(clip, view, outlines.la_masks, outlines.lv_masks),
        beats=beats,
        scale=cine.scale,
        sector=sector,
        confidence=sure,
    ).measurements
