"""What a person has decided about one clip, as an input of its analysis: it stands, whatever a model finds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from ..cine import Cine, Flip, Scale, ScaleSource
from ..errors import EchoApexError
from ..inference.segmentation import Segmentation
from ..io.believable_cine import believable
from ..measure.measurement import Beat
from ..measure.volumes_while_editing import Phases, phases_told
from ..session.frame_entries import BY_HAND, Entry, Key
from ..structures import PROMPTED
from .walls_by_hand import WallByHand

Point = tuple[float, float]

LEAST_MM, MOST_MM = 0.1, 500.0
"""Distances of a calibration in mm (our choice: the longer one is deeper than any ultrasound picture)."""


@dataclass(frozen=True)
class Calibration:
    """Two ``points`` ``(x, y)`` in pixels of the full frame that are ``mm`` apart, as a person has read off a ruler."""

    points: tuple[Point, Point]
    mm: float

    def scale(self, before: Scale) -> Scale:
        """The scale it gives; pixels keep the proportions that they had ``before``, square ones without a scale.

        Raises `EchoApexError` for points that are less than a pixel apart.
        """
        y, x = before.mm_per_px or (1.0, 1.0)
        (x0, y0), (x1, y1) = self.points
        apart = math.hypot(x1 - x0, (y1 - y0) * y / x)
        if apart < 1.0:
            raise EchoApexError("The points of a calibration must be a pixel apart or more", value=f"{apart:.2g} px")
        per_px = self.mm / apart
        return Scale((per_px * y / x, per_px), ScaleSource.USER)

    def check(self, cine: Cine, before: Scale) -> None:
        """Raises `EchoApexError` unless this can be a calibration of ``cine``, whose file has the scale ``before``.

        Points lie in the frame, the distance is one of a picture, and neither pixel nor image has a size that none has.
        """
        if not (math.isfinite(self.mm) and LEAST_MM <= self.mm <= MOST_MM):
            rule = f"The distance of a calibration must be {LEAST_MM:g} to {MOST_MM:g} mm"
            raise EchoApexError(rule, value=f"{self.mm:g} mm")
        for x, y in self.points:
            if not (-0.5 <= x <= cine.columns - 0.5 and -0.5 <= y <= cine.rows - 0.5):
                rule = f"The points of a calibration must lie in the frame of {cine.columns} x {cine.rows} pixels"
                raise EchoApexError(rule, value=f"{x:g}, {y:g}")
        found = believable(replace(cine, scale=self.scale(before))).scale
        if not found.known:
            raise EchoApexError("This calibration gives no scale that can be", value=found.reason)


@dataclass(frozen=True)
class ExcludedBeat:
    """A beat that a person does not want to count, by the frames of its ED and ES, and why."""

    ed: int
    es: int
    reason: str

    def meets(self, beat: Beat) -> bool:
        """Whether the systole of ``beat`` shares a frame with this one: outlines by hand may move a beat a little."""
        return beat.ed <= self.es and self.ed <= beat.es


@dataclass(frozen=True)
class ClipCorrections:
    """The corrections of one clip by one ``rater`` (a code, "" where unknown).

    ``entries`` are masks that a person has drawn, prompted or accepted, by structure and frame; ``phases`` holds ED and
    ES where they were chosen, ``walls`` the lengths in PLAX that were placed or confirmed, by name. ``excluded`` has a
    reason for each measurement, by name and method, that is not to count, ``excluded_beats`` the beats that are not.
    ``confirmed_values`` has, by name and method, measurements of the walls that were looked at as they were found: each
    is confirmed as long as it has this value. What is None was left to the model.
    """

    rater: str = ""
    flip: Flip | None = None
    view: str | None = None
    phases: Phases | None = None
    calibration: Calibration | None = None
    entries: Mapping[Key, Entry] = field(default_factory=dict)
    excluded: Mapping[tuple[str, str], str] = field(default_factory=dict)
    walls: Mapping[str, WallByHand] = field(default_factory=dict)
    excluded_beats: tuple[ExcludedBeat, ...] = ()
    confirmed_values: Mapping[tuple[str, str], float] = field(default_factory=dict)

    def excludes(self, beat: Beat) -> bool:
        """Whether ``beat`` is not to count."""
        return any(item.meets(beat) for item in self.excluded_beats)

    def calibrated(self, cine: Cine) -> Cine:
        """``cine`` with the scale by hand, if there is one. Raises `EchoApexError` as `Calibration.scale`."""
        return cine if self.calibration is None else replace(cine, scale=self.calibration.scale(cine.scale))

    def corrected(self, outlines: Mapping[str, Segmentation]) -> dict[str, Segmentation]:
        """``outlines`` with the masks of `entries` in their frames; what is drawn or accepted is sure.

        What a model has found there for other structures gives way.
        """
        # What has no name is measured nowhere.
        masks = {key: entry for key, entry in self.entries.items() if key[0] != PROMPTED}
        found = {name: Segmentation(one.masks.copy(), one.confidence.copy()) for name, one in outlines.items()}
        for (structure, frame), entry in masks.items():
            like = next(iter(outlines.values()))
            nothing = Segmentation(np.zeros_like(like.masks), np.zeros_like(like.confidence))
            own = found.setdefault(structure, nothing)
            assert entry.mask is not None
            own.masks[frame], own.confidence[frame] = entry.mask.unpacked(), entry.certainty
            for other in found.keys() - {structure}:
                if (other, frame) not in masks:
                    found[other].masks[frame] &= ~own.masks[frame]
        return found

    @property
    def drawn(self) -> frozenset[Key]:
        """Structure and frame of each mask that a person has drawn or prompted."""
        return frozenset(key for key, entry in self.entries.items() if entry.source in BY_HAND)

    @property
    def confirmed(self) -> frozenset[Key]:
        """Structure and frame of each mask that a person has accepted as it was found."""
        return frozenset(self.entries) - self.drawn


@dataclass(frozen=True)
class AppliedCorrections:
    """The ``corrections`` of a clip, and what is other for them: its view, and numbers by name."""

    corrections: ClipCorrections
    view_changed: bool = False
    changed: frozenset[str] = frozenset()

    def words(self, clip: str) -> str:
        """What was decided by hand, in a sentence that begins with the name of the ``clip``."""
        found = self.corrections
        by = f" ({found.rater})" if found.rater else ""
        return f"{clip}, by hand{by}: {'; '.join(self._parts()) or 'nothing that changes it'}"

    def _parts(self) -> Iterator[str]:
        found = self.corrections
        if found.flip is not None:
            yield f"turned ({found.flip})"
        if self.view_changed:
            yield f"view {found.view}"
        if found.phases is not None:
            yield phases_told(found.phases)
        if found.calibration is not None:
            yield f"scale by two points {found.calibration.mm:g} mm apart"
        yield from self._outlined()
        for how, names in self._walls().items():
            if names:
                yield f"{', '.join(names)} {how}"
        for beat in found.excluded_beats:
            yield f"the beat of frames {beat.ed} to {beat.es} excluded: {beat.reason}"
        for (name, method), reason in found.excluded.items():
            yield f"{name} ({method}) excluded: {reason}"

    def _outlined(self) -> Iterator[str]:
        for keys, how in ((self.corrections.drawn, "outlined"), (self.corrections.confirmed, "accepted")):
            for structure, count in sorted(Counter(name for name, _ in keys).items()):
                yield f"{structure} {how} in {count} frame{'s' if count > 1 else ''}"

    def _walls(self) -> dict[str, list[str]]:
        """The lengths that were placed or confirmed."""
        walls = self.corrections.walls.items()
        seen = [name for name, _ in self.corrections.confirmed_values]
        return {
            "placed": [name for name, item in walls if item.placed],
            "confirmed": [*(name for name, item in walls if not item.placed), *seen],
        }
