"""Wall thickness and inner diameter of the left ventricle from its landmarks over one PLAX clip.

Measured at end-diastole (the inner diameter at end-systole too), perpendicular to the long axis at the level of the
tips of the mitral leaflets (Lang et al., ASE/EACVI 2015, doi 10.1016/j.echo.2014.10.003).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import erf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cine import BoolMask, FloatArray, FrameTimes, Scale
from ..errors import MeasureError
from ..landmarks import Landmarks
from .beats import BeatSearch, frame_rate_doubts, measure_heart_rate, search_beats
from .caliper_line import DIAMETER, Caliper, CaliperLines, caliper_lines
from .input_checks import frame_confidence, least_confidence, least_of, require_masks
from .lv_mass import LINEAR, relative_wall_thickness
from .measurement import Beat, Measurement, Source
from .wall_paths import JudgedWalls, judge_walls, scatter
from .wall_thickness_per_beat import AT_ED, AT_ES, BeatWalls, PhaseWalls, WallFrames

CURVES = ("IVS", "LVID", "LVPW")
"""Names of the curves, in the order of the lengths along a caliper line."""

MAX_BEND_DEG = 10.0
"""Septum, inner diameter and posterior wall are to lie on one line; a bend by more is doubted (own choice)."""

MAX_TILT_DEG = 15.0
"""Calipers further from perpendicular to the long axis are doubted (own choice: it makes a length 3.5 % too large)."""

TOLERANCE = 0.10
"""The confidence of a length is the probability of an error within this share of it (own choice)."""

_INDEX = {name: index for index, name in (*AT_ED.items(), *AT_ES.items())}
LEAST_CONFIDENCE = 0.5
"""Lengths below this confidence by their landmarks are doubted (own choice)."""


@dataclass(frozen=True)
class WallResult:
    """The walls of one PLAX clip.

    ``curves`` and ``deviations`` have for each of `CURVES` the length in every frame ``[T]`` and its standard
    deviation, in ``unit`` (``mm``, or ``px`` without a scale), NaN where unknown. ``beat_walls`` holds each beat, and
    ``calipers`` those of all beats: for every length one, in the frame it is shown in, as long as the value of that
    beat. ``measurements`` are means over the beats; ``standard_deviations`` (in ``unit``) has those of IVSd, LVIDd,
    LVPWd and LVIDs, not made smaller by averaging, since the errors of landmarks repeat from frame to frame.
    ``withheld`` says which lengths are not given since their points do not move as a wall does (`judge_walls`).
    """

    clip: str
    unit: str
    curves: Mapping[str, FloatArray]
    deviations: Mapping[str, FloatArray]
    beats: tuple[Beat, ...]
    beat_walls: tuple[BeatWalls, ...]
    calipers: tuple[Caliper, ...]
    measurements: tuple[Measurement, ...]
    standard_deviations: Mapping[str, float]
    warnings: tuple[str, ...]
    withheld: tuple[MeasureError, ...] = ()


@dataclass(frozen=True)
class _Length:
    """One length: its mean over the beats and standard deviation, in mm, or pixels without a scale."""

    size: float
    deviation: float
    measurement: Measurement


def measure_walls(
    clip: str,
    landmarks: Landmarks,
    *,
    scale: Scale,
    times: FrameTimes,
    lv_masks: NDArray[Any] | None = None,
    beats: Sequence[Beat] | None = None,
    r_wave_times: Sequence[float] = (),
    confidence: ArrayLike | None = None,
    sector: BoolMask | None = None,
) -> WallResult:
    """``IVSd LVIDd LVPWd LVIDs`` (mm), ``FS`` (%), ``RWT`` (1) and ``HR`` from the landmarks of one PLAX clip.

    The landmarks of each frame are projected on one straight line; the inner diameter over time gives the beats, unless
    ``beats`` are known. A value is the median over the frames within 40 ms of ED or ES (at least one to either side,
    but at most a quarter of systole): these are its sources; then the mean over the beats counts. ``lv_masks``
    ``[T, H, W]`` show the long axis, to check the direction. ``confidence [T]`` of the frames is used if given, the
    least counts; otherwise it is the probability that a length is within 10 % of the truth, for normal errors with the
    standard deviations of the landmarks and the scatter of the length around its smooth course. One that is less
    than twice its standard deviation is not measured, nor one whose points jump or lie outside of ``sector [H, W]``
    (`judge_walls`); where that is the inner diameter, the area of ``lv_masks`` gives the beats.

    Without a scale there are no millimeters, and FS and RWT assume square pixels and say so. Without a beat there are
    curves but no measurements, and the reason is among the warnings. Raises `MeasureError` for arrays that do not fit
    each other, missing landmarks, a single frame, or a clip in which no frame can be measured.
    """
    sure = _check_inputs(landmarks, times, lv_masks, confidence)
    lines = caliper_lines(landmarks, scale.mm_per_px)
    lines = replace(lines, deviations=np.hypot(lines.deviations, scatter(lines.lengths, times)))
    judged = judge_walls(lines, times, scale.mm_per_px, sector)
    search = _search(_size(lines, lv_masks, judged), times, beats, r_wave_times)
    frames = WallFrames(lines, times, scale.mm_per_px, lv_masks, frozenset(judged.withheld))
    found = tuple(frames.beat_walls(beat) for beat in search.beats)
    lengths = _lengths(clip, found, sure)
    unit = "mm" if scale.known else "px"
    doubts = (*_beat_warnings(found, lv_masks), *_missing_lengths(lengths, judged)) if found else ()
    warnings = (*_clip_warnings(lines, scale, times), *search.warnings, *doubts)
    uncertain = _uncertain_lengths(lengths, unit, judged)
    measurements = (
        *((length.measurement for length in lengths.values()) if scale.known else ()),
        *_fractional_shortening(clip, lengths, found),
        *_relative_wall(lengths),
        *measure_heart_rate(clip, search.beats, times),
    )
    return WallResult(
        clip=clip,
        unit=unit,
        curves=dict(zip(CURVES, lines.lengths.T, strict=True)),
        deviations=dict(zip(CURVES, lines.deviations.T, strict=True)),
        beats=search.beats,
        beat_walls=found,
        calipers=tuple(caliper for walls in found for phase in _phases(walls) for caliper in phase.calipers),
        measurements=tuple(_warned(item, warnings, uncertain) for item in measurements),
        standard_deviations={name: length.deviation for name, length in lengths.items()},
        warnings=(*warnings, *uncertain.values()) if found else (*warnings, f"No beat was found: {search.reason}"),
        withheld=tuple(MeasureError(f"{_names(index)} withheld: {why}") for index, why in judged.withheld.items()),
    )


def _warned(item: Measurement, warnings: Iterable[str], uncertain: Mapping[str, str]) -> Measurement:
    """``item`` with the ``warnings`` of the clip and those of the ``uncertain`` lengths it is made of."""
    return replace(item, warnings=(*warnings, *(uncertain[part] for part in _made_of(item.name) if part in uncertain)))


def fractional_shortening(lvidd: float, lvids: float) -> float:
    """``(LVIDd - LVIDs) / LVIDd * 100`` in percent; raises `MeasureError` unless both are positive and finite."""
    if not (np.isfinite(lvidd) and np.isfinite(lvids) and lvidd > 0 and lvids > 0):
        raise MeasureError("FS needs inner diameters above 0 at end-diastole and end-systole", value=(lvidd, lvids))
    return float((lvidd - lvids) / lvidd * 100.0)


def _check_inputs(
    landmarks: Landmarks, times: FrameTimes, lv_masks: NDArray[Any] | None, confidence: ArrayLike | None
) -> FloatArray | None:
    """Refuse what does not fit; returns the confidence as an array."""
    count = len(landmarks.points)
    if count < 2:
        raise MeasureError("Walls are measured at end-diastole, which needs a clip of at least two frames", value=count)
    if times.seconds is not None and times.seconds.size != count:
        raise MeasureError("There must be one time for each frame of the landmarks", value=times.seconds.size)
    if lv_masks is not None:
        require_masks(lv_masks)
        if len(lv_masks) != count:
            raise MeasureError("There must be one mask for each frame of the landmarks", value=len(lv_masks))
    return frame_confidence(confidence, count)


def _size(lines: CaliperLines, lv_masks: NDArray[Any] | None, judged: JudgedWalls) -> FloatArray:
    """How large the ventricle is in each frame: by its inner diameter, or its area where that is withheld."""
    diameters = lines.lengths[:, DIAMETER]
    if not np.isfinite(diameters).any():
        raise MeasureError("No frame has the landmarks of the walls in their order", value=f"{diameters.size} frames")
    if DIAMETER not in judged.withheld:
        return diameters
    if lv_masks is None:
        return np.full(diameters.size, np.nan)
    areas = np.count_nonzero(lv_masks, axis=(1, 2)).astype(np.float64)
    return np.where(areas > 0, areas, np.nan)


def _search(
    size: FloatArray, times: FrameTimes, beats: Sequence[Beat] | None, r_wave_times: Sequence[float]
) -> BeatSearch:
    """The beats that are known, or those of the ventricle's ``size [T]``."""
    if beats is None and not np.isfinite(size).any():
        return BeatSearch((), (), "the inner diameter is withheld, and there is no outline of the left ventricle")
    if beats is None:
        return search_beats(size, times, r_wave_times)
    for beat in beats:
        if not 0 <= beat.ed < beat.es < size.size:
            raise MeasureError(f"A beat has its ED before its ES within the {size.size} frames", value=beat)
    return BeatSearch(tuple(beats), (), "" if beats else "none was given")


def _lengths(clip: str, found: Sequence[BeatWalls], sure: FloatArray | None) -> dict[str, _Length]:
    """Each length that at least one beat has, by name."""
    at_ed = {name: _length(clip, name, index, [walls.ed for walls in found], sure) for index, name in AT_ED.items()}
    at_es = {name: _length(clip, name, index, [walls.es for walls in found], sure) for index, name in AT_ES.items()}
    return {name: length for name, length in {**at_ed, **at_es}.items() if length is not None}


def _length(
    clip: str, name: str, index: int, phases: Iterable[PhaseWalls | None], sure: FloatArray | None
) -> _Length | None:
    known = [phase for phase in phases if phase is not None and np.isfinite(phase.lengths[index])]
    if not known:
        return None
    size = float(np.mean([phase.lengths[index] for phase in known]))
    deviation = float(np.mean([phase.deviations[index] for phase in known]))
    sources = tuple(Source(clip, phase.frames) for phase in known)
    confidence = _within_tolerance(size, deviation) if sure is None else least_confidence(sources, sure)
    return _Length(size, deviation, Measurement(name, size, "mm", LINEAR, sources, confidence))


def _within_tolerance(size: float, deviation: float) -> float | None:
    """Probability of a normal error within `TOLERANCE`; None where the standard deviation is unknown."""
    if not np.isfinite(deviation):
        return None
    return erf(TOLERANCE * size / (deviation * 2.0**0.5)) if deviation > 0 else 1.0


def _fractional_shortening(
    clip: str, lengths: Mapping[str, _Length], found: Sequence[BeatWalls]
) -> tuple[Measurement, ...]:
    """FS of each beat that has both phases, then the mean."""
    phases = [(walls.ed, walls.es) for walls in found if walls.ed is not None and walls.es is not None]
    both = [pair for pair in phases if all(np.isfinite(phase.lengths[DIAMETER]) for phase in pair)]
    if not both:
        return ()
    each = [fractional_shortening(ed.lengths[DIAMETER], es.lengths[DIAMETER]) for ed, es in both]
    sources = tuple(Source(clip, (*ed.frames, *es.frames)) for ed, es in both)
    sure = least_of(lengths[name].measurement for name in ("LVIDd", "LVIDs"))
    return (Measurement("FS", float(np.mean(each)), "%", LINEAR, sources, sure),)


def _relative_wall(lengths: Mapping[str, _Length]) -> tuple[Measurement, ...]:
    # From the means, so that it agrees with the two numbers beside it.
    if not {"LVPWd", "LVIDd"} <= set(lengths):
        return ()
    wall, inner = lengths["LVPWd"], lengths["LVIDd"]
    ratio = relative_wall_thickness(wall.size, inner.size)
    sources = tuple(dict.fromkeys((*wall.measurement.sources, *inner.measurement.sources)))
    return (Measurement("RWT", ratio, "1", LINEAR, sources, least_of([wall.measurement, inner.measurement])),)


def _phases(walls: BeatWalls) -> list[PhaseWalls]:
    return [phase for phase in (walls.ed, walls.es) if phase is not None]


def _clip_warnings(lines: CaliperLines, scale: Scale, times: FrameTimes) -> tuple[str, ...]:
    warnings = []
    if not scale.known:
        warnings.append(f"No millimeters, and FS and RWT assume square pixels, since there is no scale: {scale.reason}")
    if lines.disordered:
        share = f"{len(lines.disordered)} of {len(lines.points)} frames"
        warnings.append(f"The landmarks of the walls come in the wrong order in {share}, which were not used")
    return (*warnings, *frame_rate_doubts(times))


def _beat_warnings(found: Sequence[BeatWalls], lv_masks: NDArray[Any] | None) -> Iterable[str]:
    """What speaks against the calipers of these beats."""
    for walls in found:
        if walls.ed is not None and walls.ed.bend_deg > MAX_BEND_DEG:
            yield (
                f"Septum, inner diameter and posterior wall bend by {walls.ed.bend_deg:.0f}° at end-diastole "
                f"(frame {walls.beat.ed}), over {MAX_BEND_DEG:.0f}°"
            )
    phases = [phase for walls in found for phase in _phases(walls)]
    tilts = [phase.tilt_deg for phase in phases if phase.tilt_deg is not None]
    if not tilts:
        why = "there is no outline of" if lv_masks is None else "the outline shows no long axis of"
        yield f"The direction of the calipers was not checked, since {why} the left ventricle"
    elif max(tilts) > MAX_TILT_DEG:
        yield (
            f"The calipers are up to {max(tilts):.0f}° off the perpendicular to the long axis, over {MAX_TILT_DEG:.0f}°"
        )


def _made_of(name: str) -> tuple[str, ...]:
    """The lengths that a measurement is computed from."""
    return {"FS": ("LVIDd", "LVIDs"), "RWT": ("LVPWd", "LVIDd")}.get(name, (name,))


def _missing_lengths(lengths: Mapping[str, _Length], judged: JudgedWalls) -> Iterable[str]:
    for name, index in _INDEX.items():
        if name not in lengths and index not in judged.withheld:
            phase = "end-diastole" if name in AT_ED.values() else "end-systole"
            yield f"{name} could not be measured: its landmarks were not found near {phase}, or are too unsure"


def _names(index: int) -> str:
    """The measurements of a length, in words."""
    names = [name for name, of in _INDEX.items() if of == index]
    return f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"


def _uncertain_lengths(lengths: Mapping[str, _Length], unit: str, judged: JudgedWalls) -> dict[str, str]:
    """What is to be said of the lengths that are likely to err by more than `TOLERANCE`, or may jump, by name."""
    found = {
        name: f"{name} is doubted: {judged.doubted[_INDEX[name]]}" for name in lengths if _INDEX[name] in judged.doubted
    }
    for name, length in lengths.items():
        sure = _within_tolerance(length.size, length.deviation)
        if sure is not None and sure < LEAST_CONFIDENCE:
            unsure = f"{name} is uncertain: the standard deviation of its landmarks is {length.deviation:.1f} {unit}"
            found[name] = f"{unsure}, and {judged.doubted[_INDEX[name]]}" if name in found else unsure
    return found
