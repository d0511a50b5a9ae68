"""The walls of a beat at its end-diastole and end-systole, each from a few frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import FloatArray, FrameTimes
from .caliper_line import DIAMETER, POSTERIOR, SEPTUM, Caliper, CaliperLines, bend_deg, lay_chain, tilt_deg
from .long_axis import MmPerPx, common_direction
from .measurement import Beat

AT_ED: Mapping[int, str] = {SEPTUM: "IVSd", DIAMETER: "LVIDd", POSTERIOR: "LVPWd"}
AT_ES: Mapping[int, str] = {DIAMETER: "LVIDs"}
"""What is measured at each phase: index along the caliper line and name."""

# Own choice: isovolumic contraction and relaxation keep the size for some 50 ms, so that within this time around ED
# and ES the heart changes less than a landmark errs, and the median over it outvotes a frame that alone goes wrong.
_AROUND_S = 0.04
_PART_OF_SYSTOLE = 4

LEAST_DEVIATIONS = 2.0
"""Standard deviations that a length must have: with less its 95 % interval holds 0 (own choice)."""


@dataclass(frozen=True)
class PhaseWalls:
    """The walls at one end-diastole or end-systole.

    ``lengths [3]`` (septum, inner diameter, posterior wall) are medians over ``frames``, and ``deviations [3]`` the
    medians of their standard deviations; in mm, or pixels without a scale. A length is NaN where it is unknown, or less
    than `LEAST_DEVIATIONS` of its standard deviations. ``calipers`` show them in the frame nearest to the phase.
    ``bend_deg`` is how far the three are from one line, NaN where only one is known; ``tilt_deg`` how far that line is
    from perpendicular to the long axis, None where that is unknown.
    """

    frames: tuple[int, ...]
    lengths: FloatArray
    deviations: FloatArray
    calipers: tuple[Caliper, ...]
    bend_deg: float
    tilt_deg: float | None


@dataclass(frozen=True)
class BeatWalls:
    """The walls of one beat; a phase is None where no frame near it could be measured."""

    beat: Beat
    ed: PhaseWalls | None
    es: PhaseWalls | None


@dataclass(frozen=True)
class WallFrames:
    """Everything about the frames of a clip that walls are measured from; ``lv_masks`` is ``[T, H, W]``.

    Lengths whose index along the caliper line is in ``withheld`` are unknown in every beat.
    """

    lines: CaliperLines
    times: FrameTimes
    mm_per_px: MmPerPx | None = None
    lv_masks: NDArray[Any] | None = None
    withheld: frozenset[int] = frozenset()

    def beat_walls(self, beat: Beat) -> BeatWalls:
        """Both phases of ``beat``."""
        return BeatWalls(beat, self._phase(beat, beat.ed, AT_ED), self._phase(beat, beat.es, AT_ES))

    def _phase(self, beat: Beat, middle: int, names: Mapping[int, str]) -> PhaseWalls | None:
        frames = self._frames_around(beat, middle)
        if not frames:
            return None
        lines, chosen = self.lines, list(frames)
        direction = common_direction(lines.directions[chosen])
        lengths, deviations = _medians(lines.lengths[chosen]), _medians(lines.deviations[chosen])
        # Not even known to be more than nothing: a number would only look like one.
        lengths[LEAST_DEVIATIONS * deviations >= lengths] = np.nan
        lengths[list(self.withheld)] = np.nan
        shown = min(frames, key=lambda frame: abs(frame - middle))
        return PhaseWalls(
            frames=frames,
            lengths=lengths,
            deviations=deviations,
            calipers=self._calipers(shown, direction, lengths, names),
            bend_deg=bend_deg(lines.points[chosen], direction),
            tilt_deg=self._tilt(frames, direction),
        )

    def _frames_around(self, beat: Beat, middle: int) -> tuple[int, ...]:
        rate = self.times.frame_rate
        half = 1 if rate is None else max(1, round(_AROUND_S * rate))
        half = min(half, (beat.es - beat.ed) // _PART_OF_SYSTOLE)
        measured = np.isfinite(self.lines.lengths[:, DIAMETER])
        last = min(middle + half, measured.size - 1)
        return tuple(frame for frame in range(max(middle - half, 0), last + 1) if measured[frame])

    def _calipers(
        self, frame: int, direction: FloatArray, lengths: FloatArray, names: Mapping[int, str]
    ) -> tuple[Caliper, ...]:
        places = lay_chain(self.lines.points[frame], direction, lengths, self.mm_per_px)
        in_mm = self.mm_per_px is not None
        return tuple(
            Caliper(frame, name, *place, float(lengths[index]) if in_mm else None)
            for index, name in names.items()
            if (place := places[index]) is not None
        )

    def _tilt(self, frames: tuple[int, ...], direction: FloatArray) -> float | None:
        if self.lv_masks is None:
            return None
        tilts = [tilt_deg(self.lv_masks[frame], direction, self.mm_per_px) for frame in frames]
        known = [tilt for tilt in tilts if tilt is not None]
        return float(np.median(known)) if known else None


def _medians(values: FloatArray) -> FloatArray:
    """Median of each column of ``values [N, 3]`` over what is known of it, NaN where nothing is."""
    known = [column[np.isfinite(column)] for column in values.T]
    return np.array([np.median(column) if column.size else np.nan for column in known], np.float64)
