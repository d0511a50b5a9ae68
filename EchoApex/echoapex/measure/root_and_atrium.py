"""Aortic root and left atrium in PLAX, across the long axis of the root at the level of its sinuses.

The sinuses of Valsalva at end-diastole, from inner edge to inner edge, since an outline is that of the blood: leading
edge to leading edge, for which ASE/EACVI 2015 has normal values, would take in the anterior wall. The left atrium at
end-systole from leading edge to leading edge: from the posterior wall of the root, where its outline ends, to the
posterior wall of the atrium (Lang et al., ASE/EACVI 2015, doi 10.1016/j.echo.2014.10.003).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, FloatArray, FrameTimes, Scale
from ..errors import MeasureError
from .beats import frame_rate_doubts
from .caliper_line import Caliper
from .input_checks import require_masks
from .long_axis import MmPerPx
from .measurement import Beat, Measurement, Source
from .root_sections import RootPicture, atrium_chord, cut_root, image_depth, sinus_chord

INNER_EDGE, LEADING_EDGE = "inner_edge", "leading_edge"
"""Methods: from inner edge to inner edge, and from leading edge to leading edge."""

ROOT, ATRIUM = "AoRootd", "LADs"
STRUCTURES = {ROOT: ("LV", "AO"), ATRIUM: ("LV", "AO", "LA")}
"""The outlines that each length comes from; that of the ventricle tells directions only."""
ENDS = {ROOT: ("AO",), ATRIUM: ("AO", "LA")}
"""The outlines that each length ends at."""

_NOT_BY_HAND = (
    "it is measured only where a person has drawn or accepted the outline of the aortic root at end-diastole, since "
    "those of a model have not been exact enough"
)

MOST_SCATTER = 0.15
"""Lengths of neighboring frames that differ by more than this share contradict each other (own choice)."""


@dataclass(frozen=True)
class RootResult:
    """The root and the atrium of one PLAX clip.

    ``drawn`` has a caliper for each length and beat, in the frame that it is shown in; ``measurements`` are means over
    the beats; ``withheld`` says which are not given, and why.
    """

    clip: str
    drawn: tuple[Caliper, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    withheld: tuple[MeasureError, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def calipers(self) -> tuple[Caliper, ...]:
        """Those of the lengths that are given."""
        names = {item.name for item in self.measurements}
        return tuple(caliper for caliper in self.drawn if caliper.name in names)


def measure_root_and_atrium(
    clip: str,
    masks: Mapping[str, NDArray[Any]],
    *,
    beats: Sequence[Beat],
    scale: Scale,
    times: FrameTimes,
    sector: BoolMask | None = None,
    confidence: Mapping[str, NDArray[Any]] | None = None,
    root_frames: Collection[int] | None = None,
) -> RootResult:
    """``AoRootd`` and ``LADs`` (mm) of one PLAX clip from its ``masks`` ``[T, H, W]`` of ``AO``, ``LA`` and ``LV``.

    Each is the median over the frame of its phase and its two neighbors, then the mean over the ``beats``. ``sector``
    ``bool [H, W]`` is where the image lies (the whole frame if None): a length that its edge cuts is withheld with the
    reason, and so is one without outlines, or whose outlines contradict each other or those of the frames beside it.
    ``confidence`` has the predicted Dice ``[T]`` by structure; the least counts. ``root_frames`` are those whose root
    a person has drawn or accepted, if only such count for ``AoRootd``. Nothing is measured without scale or beat.
    Raises `MeasureError` for masks that do not fit each other.
    """
    if scale.mm_per_px is None or not beats:
        return RootResult(clip)
    outlines = {name: masks[name] for name in STRUCTURES[ATRIUM] if name in masks}
    for mask in outlines.values():
        require_masks(mask, next(iter(outlines.values())))
    frames = _Frames(outlines, scale.mm_per_px, sector, root_frames)
    warnings = tuple(frame_rate_doubts(times))
    calipers: list[Caliper] = []
    found, withheld = [], []
    for name, method, phases in (
        (ROOT, INNER_EDGE, [beat.ed for beat in beats]),
        (ATRIUM, LEADING_EDGE, [beat.es for beat in beats]),
    ):
        try:
            each = frames.around_each(name, phases)
        except MeasureError as refusal:
            withheld.append(MeasureError(f"{name} is withheld: {refusal.rule}", value=refusal.value))
            continue
        shown = [_middle_one(lengths) for lengths in each]
        calipers += shown
        value = float(np.mean([caliper.length_mm for caliper in shown]))
        sources = tuple(Source(clip, tuple(sorted(caliper.frame for caliper in lengths))) for lengths in each)
        sure = _least(name, sources, confidence or {})
        found.append(Measurement(name, value, "mm", method, sources, sure, warnings))
    return RootResult(clip, tuple(calipers), tuple(found), tuple(withheld), warnings)


class _Frames:
    """The lengths in the frames of a clip."""

    def __init__(
        self,
        masks: Mapping[str, NDArray[Any]],
        mm_per_px: MmPerPx,
        sector: BoolMask | None,
        root_frames: Collection[int] | None,
    ) -> None:
        self._masks, self._mm_per_px, self._sector, self._root_frames = masks, mm_per_px, sector, root_frames

    def around_each(self, name: str, phases: Sequence[int]) -> list[list[Caliper]]:
        """The lengths around each of ``phases`` that has any; raises `MeasureError` where none has."""
        missing = [part for part in STRUCTURES[name] if part not in self._masks]
        if missing:
            raise MeasureError(f"there is no outline of {' and '.join(missing)}")
        found, refusals = [], []
        for phase in phases:
            try:
                found.append(self._around(name, phase))
            except MeasureError as refusal:
                refusals.append(refusal)
        if not found:
            raise refusals[0]
        return found

    def _around(self, name: str, phase: int) -> list[Caliper]:
        """The lengths of the frame of a phase and its neighbors: at least two, or all that count, and they agree."""
        count = len(self._masks["LV"])
        frames = {phase, max(phase - 1, 0), min(phase + 1, count - 1)}
        if name == ROOT and self._root_frames is not None:
            frames &= set(self._root_frames)
        if not frames:
            raise MeasureError(_NOT_BY_HAND)
        calipers, refusals = [], []
        for frame in sorted(frames, key=lambda one: abs(one - phase)):
            try:
                calipers.append(self._caliper(name, frame))
            except MeasureError as refusal:
                refusals.append(refusal)
        if len(calipers) < min(2, len(frames)):
            raise refusals[0]
        lengths = [caliper.length_mm for caliper in calipers if caliper.length_mm is not None]
        if max(lengths) - min(lengths) > MOST_SCATTER * float(np.median(lengths)):
            spread = f"{min(lengths):.0f} to {max(lengths):.0f} mm"
            raise MeasureError("the outlines of neighboring frames contradict each other", value=spread)
        return calipers

    def _caliper(self, name: str, frame: int) -> Caliper:
        parts = {part: self._masks[part][frame] for part in self._masks}
        for part in STRUCTURES[name]:
            if not parts[part].any():
                raise MeasureError(f"there is no outline of {part} in frame {frame}")
        picture = RootPicture(parts["AO"], parts["LV"], parts.get("LA"), self._depth, self._mm_per_px)
        sections = cut_root(picture)
        chord = sinus_chord(sections, self._mm_per_px) if name == ROOT else atrium_chord(sections, picture)
        return Caliper(frame, name, *chord)

    @cached_property
    def _depth(self) -> FloatArray:
        shape = self._masks["LV"].shape[1:]
        return image_depth(np.ones(shape, np.bool_) if self._sector is None else self._sector, self._mm_per_px)


def _middle_one(calipers: Sequence[Caliper]) -> Caliper:
    """The caliper whose length is the median; of two that nearest to the phase, which is the first."""
    if len(calipers) < 3:
        return calipers[0]
    return sorted(calipers, key=lambda caliper: caliper.length_mm or 0.0)[len(calipers) // 2]


def _least(name: str, sources: Iterable[Source], confidence: Mapping[str, NDArray[Any]]) -> float | None:
    """The least predicted Dice of the outlines that ``name`` ends at; None where one is not known."""
    if not all(part in confidence for part in ENDS[name]):
        return None
    return min(float(confidence[part][frame]) for part in ENDS[name] for source in sources for frame in source.frames)
