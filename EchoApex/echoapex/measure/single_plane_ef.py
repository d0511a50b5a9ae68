"""Volumes, ejection fraction and length of the left ventricle from its masks over one apical clip.

EF = (EDV - ESV) / EDV * 100, each beat by itself and then the mean over the beats (Lang et al., ASE/EACVI 2015,
doi 10.1016/j.echo.2014.10.003).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cine import FloatArray, FrameTimes, Scale
from ..errors import MeasureError
from .beats import TOO_SHORT, BeatSearch, frame_rate_doubts, measure_heart_rate, search_beats
from .disk_summation import AREA_LENGTH, CavityShape, measure_cavity
from .input_checks import frame_confidence, least_confidence, require_apical, require_masks
from .long_axis import BaseSource, LongAxis, MmPerPx, common_direction
from .measurement import Beat, Measurement, Source

_TURNED_AWAY = np.cos(np.deg2rad(45.0))


@dataclass(frozen=True)
class BeatVolumes:
    """Volumes (mL, None without a scale) and EF (%) of one beat by one method."""

    beat: Beat
    method: str
    edv_ml: float | None
    esv_ml: float | None
    ef_percent: float


@dataclass(frozen=True)
class LVResult:
    """The left ventricle of one clip.

    ``area_px`` ``[T]`` is NaN where there is no left ventricle; ``volume_ml`` ``[T]`` (method of disks) is None without
    a scale; ``shapes`` has long axis and disks of each frame, or None; ``beat_volumes`` holds each beat by each method;
    ``measurements`` are means over the beats.
    """

    clip: str
    view: str
    area_px: FloatArray
    volume_ml: FloatArray | None
    shapes: tuple[CavityShape | None, ...]
    beats: tuple[Beat, ...]
    beat_volumes: tuple[BeatVolumes, ...]
    measurements: tuple[Measurement, ...]
    warnings: tuple[str, ...]

    @property
    def axes(self) -> tuple[LongAxis | None, ...]:
        """Long axis of each frame, None where there is no left ventricle."""
        return tuple(None if shape is None else shape.axis for shape in self.shapes)


def ejection_fraction(edv: float, esv: float) -> float:
    """``(EDV - ESV) / EDV * 100`` in percent; raises `MeasureError` unless EDV is positive and ESV not negative."""
    if not (np.isfinite(edv) and np.isfinite(esv) and edv > 0 and esv >= 0):
        raise MeasureError("EF needs an end-diastolic volume above 0 and an end-systolic one", value=(edv, esv))
    return float((edv - esv) / edv * 100.0)


def measure_lv(
    clip: str,
    view: str,
    masks: NDArray[Any],
    *,
    scale: Scale,
    times: FrameTimes,
    la_masks: NDArray[Any] | None = None,
    beats: Sequence[Beat] | None = None,
    r_wave_times: Sequence[float] = (),
    confidence: ArrayLike | None = None,
) -> LVResult:
    """Volumes, EF, length and heart rate from left ventricular ``masks`` ``[T, H, W]`` of one apical clip.

    Masks are bool or integer; ``la_masks`` ``[T, H, W]`` place the base; ``beats`` count where they are given;
    ``confidence`` ``[T]`` is the predicted Dice of each frame. Without a scale there are no volumes and lengths, and EF
    assumes square pixels and says so. Where no beat is found there are curves but no measurements, and the reason is
    among the warnings. Raises `MeasureError` for a view that is not apical, arrays that do not fit each other, a single
    frame, a clip with no left ventricle at all, or a given beat without one.
    """
    _check_inputs(view, masks, times, la_masks)
    shapes, warnings = lv_shapes(masks, la_masks, scale.mm_per_px)
    return measure_shapes(
        *(clip, view, shapes, warnings),
        scale=scale,
        times=times,
        beats=beats,
        r_wave_times=r_wave_times,
        confidence=confidence,
    )


def measure_shapes(
    clip: str,
    view: str,
    shapes: Sequence[CavityShape | None],
    shape_warnings: Sequence[str] = (),
    *,
    scale: Scale,
    times: FrameTimes,
    beats: Sequence[Beat] | None = None,
    r_wave_times: Sequence[float] = (),
    confidence: ArrayLike | None = None,
) -> LVResult:
    """What `measure_lv` gives, from the shapes ``[T]`` and words of `lv_shapes`; ``beats`` count where they are given.

    Raises `MeasureError` where a given beat has its ED or ES in a frame without a shape.
    """
    sure = frame_confidence(confidence, len(shapes))
    disks = _curve(shapes, lambda shape: shape.disk_volume)
    search = search_beats(disks, times, r_wave_times) if beats is None else _given_beats(beats, shapes)
    warnings = (*_clip_warnings(scale, times), *shape_warnings, *search.warnings)
    by_method = {
        view: disks,
        f"{AREA_LENGTH}{view}": _curve(shapes, lambda shape: shape.area_length_volume),
    }
    beat_volumes = tuple(
        _beat_volumes(beat, method, volumes, scale.known)
        for method, volumes in by_method.items()
        for beat in search.beats
    )
    lengths = _lengths(clip, view, shapes, search.beats) if scale.known else ()
    return LVResult(
        clip=clip,
        view=view,
        area_px=_curve(shapes, lambda shape: shape.area_px),
        volume_ml=disks if scale.known else None,
        shapes=tuple(shapes),
        beats=search.beats,
        beat_volumes=beat_volumes,
        measurements=_measurements(clip, beat_volumes, lengths, search, times, sure, warnings),
        warnings=warnings if search.beats else (*warnings, f"No beat was found: {search.reason}"),
    )


def _given_beats(beats: Sequence[Beat], shapes: Sequence[CavityShape | None]) -> BeatSearch:
    for frame in (frame for beat in beats for frame in (beat.ed, beat.es)):
        if not 0 <= frame < len(shapes) or shapes[frame] is None:
            raise MeasureError("EF needs a measurable left ventricle at ED and ES", value=f"none in frame {frame}")
    return BeatSearch(tuple(beats), (), "" if beats else "none was given")


def _check_inputs(view: str, masks: NDArray[Any], times: FrameTimes, la_masks: NDArray[Any] | None) -> None:
    require_apical(view)
    require_masks(masks, la_masks)
    if len(masks) < 2:
        raise MeasureError(TOO_SHORT, value=masks.shape)
    if times.seconds is not None and times.seconds.size != len(masks):
        raise MeasureError("There must be one time for each mask", value=times.seconds.size)


ShapeOf = Callable[[NDArray[Any], NDArray[Any] | None, MmPerPx | None, FloatArray | None], CavityShape | None]
"""Measures one frame: masks of ventricle and atrium ``[H, W]``, mm per pixel, and the direction of the apex."""


def shape_of(
    mask: NDArray[Any], la_mask: NDArray[Any] | None, mm_per_px: MmPerPx | None, apex: FloatArray | None = None
) -> CavityShape | None:
    """As `measure_cavity`, but None for a mask without a usable outline."""
    # It is a gap in the curve, which `search_beats` bridges and reports.
    try:
        return measure_cavity(mask, mm_per_px=mm_per_px, la_mask=la_mask, apex_direction=apex)
    except MeasureError:
        return None


def lv_shapes(
    masks: NDArray[Any],
    la_masks: NDArray[Any] | None = None,
    mm_per_px: MmPerPx | None = None,
    measure: ShapeOf = shape_of,
) -> tuple[tuple[CavityShape | None, ...], tuple[str, ...]]:
    """Shape of each frame of ``masks`` ``[T, H, W]``, None where there is none, and words on how they were measured.

    ``measure`` is asked for each frame; all are measured in the same way. Raises `MeasureError` where no frame has a
    measurable left ventricle.
    """
    atria = [None if la_masks is None else la_masks[t] for t in range(len(masks))]
    shapes = [measure(mask, atrium, mm_per_px, None) for mask, atrium in zip(masks, atria, strict=True)]
    found = [shape for shape in shapes if shape is not None]
    if not found:
        raise MeasureError("There is no measurable left ventricle in any frame", value=f"{len(masks)} frames")
    common = common_direction(np.stack([shape.axis.direction(mm_per_px) for shape in found]))
    at_atrium = sum(shape.axis.base_source is BaseSource.LA_INTERFACE for shape in found)
    if la_masks is not None and at_atrium < len(found):
        warning = (
            f"The mitral annulus is where the outline of the ventricle is flat at its base: the left atrium touches it "
            f"in {at_atrium} of {len(found)} frames only, and all are measured alike"
        )
        return tuple(measure(mask, None, mm_per_px, common) for mask in masks), (warning,)
    turned = [t for t, s in enumerate(shapes) if s is not None and s.axis.direction(mm_per_px) @ common < _TURNED_AWAY]
    for t in turned:
        shapes[t] = measure(masks[t], None, mm_per_px, common)
    warning = f"{len(turned)} frame(s) pointed elsewhere; their apex was looked for where it is in the others"
    return tuple(shapes), (warning,) if turned else ()


def _curve(shapes: Sequence[CavityShape | None], value: Callable[[CavityShape], float]) -> FloatArray:
    return np.array([np.nan if shape is None else value(shape) for shape in shapes], np.float64)


def _clip_warnings(scale: Scale, times: FrameTimes) -> tuple[str, ...]:
    warnings = []
    if not scale.known:
        warnings.append(f"No volumes, and EF assumes square pixels, since there is no scale: {scale.reason}")
    return (*warnings, *frame_rate_doubts(times))


def _beat_volumes(beat: Beat, method: str, volumes: FloatArray, in_ml: bool) -> BeatVolumes:
    edv, esv = float(volumes[beat.ed]), float(volumes[beat.es])
    ef = ejection_fraction(edv, esv)
    return BeatVolumes(beat, method, edv if in_ml else None, esv if in_ml else None, ef)


def _measurements(
    clip: str,
    beat_volumes: Sequence[BeatVolumes],
    lengths: Sequence[Measurement],
    search: BeatSearch,
    times: FrameTimes,
    sure: FloatArray | None,
    warnings: tuple[str, ...],
) -> tuple[Measurement, ...]:
    found: list[Measurement] = []
    for method in dict.fromkeys(item.method for item in beat_volumes):
        found += _method_measurements(clip, [item for item in beat_volumes if item.method == method])
    found += [*lengths, *measure_heart_rate(clip, search.beats, times)]
    return tuple(replace(item, confidence=least_confidence(item.sources, sure), warnings=warnings) for item in found)


def _lengths(
    clip: str, view: str, shapes: Sequence[CavityShape | None], beats: Sequence[Beat]
) -> tuple[Measurement, ...]:
    """Long axis of the cavity at end-diastole and end-systole, means over the beats."""
    found = []
    for name, frames in (("LVLd", [beat.ed for beat in beats]), ("LVLs", [beat.es for beat in beats])):
        known = {frame: shape.axis.length for frame in frames if (shape := shapes[frame]) is not None}
        if known:
            sources = tuple(Source(clip, (frame,)) for frame in known)
            found.append(Measurement(name, float(np.mean(list(known.values()))), "mm", view, sources))
    return tuple(found)


def _method_measurements(clip: str, items: Sequence[BeatVolumes]) -> list[Measurement]:
    """Means over the beats by one method; each beat is a source."""
    method = items[0].method
    at_ed = tuple(Source(clip, (item.beat.ed,)) for item in items)
    at_es = tuple(Source(clip, (item.beat.es,)) for item in items)
    both = tuple(Source(clip, (item.beat.ed, item.beat.es)) for item in items)
    found = []
    volumes = [(v.edv_ml, v.esv_ml) for v in items if v.edv_ml is not None and v.esv_ml is not None]
    if volumes:
        edv, esv = (float(mean) for mean in np.mean(volumes, axis=0))
        found += [
            Measurement("LVEDV", edv, "mL", method, at_ed),
            Measurement("LVESV", esv, "mL", method, at_es),
            Measurement("LVSV", edv - esv, "mL", method, both),
        ]
    ef = float(np.mean([item.ef_percent for item in items]))
    return [*found, Measurement("LVEF", ef, "%", method, both)]
