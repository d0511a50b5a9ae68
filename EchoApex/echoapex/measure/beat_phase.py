"""Where in a beat a frame is, and which frame of another clip shows the same moment of a beat.

A phase is 0 at end-diastole, 1 at end-systole and 2 at the next end-diastole: fractions of systole, then of diastole,
as in `biplane_volume_curve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..cine import FloatArray
from .measurement import Beat


@dataclass(frozen=True)
class Moment:
    """A place in the beat with this number."""

    beat: int
    phase: float


@dataclass(frozen=True)
class BeatClock:
    """The ``beats`` of a clip with the time of each frame, ``seconds [T]`` (frame numbers where times are unknown)."""

    beats: tuple[Beat, ...]
    seconds: FloatArray

    def moment(self, frame: int) -> Moment | None:
        """Where a frame is; None before the first beat, behind the last, and where a beat ends with its systole."""
        for number, beat in enumerate(self.beats):
            if beat.ed <= frame <= beat.es:
                return Moment(number, (frame - beat.ed) / (beat.es - beat.ed))
            if beat.next_ed is not None and beat.es < frame < beat.next_ed:
                return Moment(number, 1 + (frame - beat.es) / (beat.next_ed - beat.es))
        last = self.beats[-1] if self.beats else None
        return Moment(len(self.beats) - 1, 2.0) if last is not None and frame == last.next_ed else None

    def frame(self, moment: Moment) -> int:
        """The frame nearest to a moment; in a beat that ends with its systole at most ES."""
        beat = self.beats[moment.beat]
        if moment.phase <= 1 or beat.next_ed is None:
            return round(beat.ed + min(max(moment.phase, 0.0), 1.0) * (beat.es - beat.ed))
        return round(beat.es + min(moment.phase - 1, 1.0) * (beat.next_ed - beat.es))

    def nearest(self, second: float) -> int:
        """The frame nearest to a time."""
        return int(np.abs(self.seconds - second).argmin())


def matching_by_time(frame: int, leader: BeatClock, partner: BeatClock) -> int:
    """The frame of ``partner`` at the time of a frame of ``leader``, both counted from their first frames."""
    return partner.nearest(partner.seconds[0] + leader.seconds[frame] - leader.seconds[0])


def matching_by_phase(frame: int, leader: BeatClock, partner: BeatClock) -> int:
    """The frame of ``partner`` in the phase of a frame of ``leader``: both end-diastoles are one moment.

    Beats are taken in turn, where ``partner`` has fewer again from its first. Outside of the beats of ``leader``, and
    where ``partner`` has no diastole, as much time counts from the nearest ED or ES as there. Without beats in both
    clips as `matching_by_time`.
    """
    if not (leader.beats and partner.beats):
        return matching_by_time(frame, leader, partner)
    moment = leader.moment(frame)
    if moment is None:
        return _by_nearest_edge(frame, leader, partner)
    own = moment.beat % len(partner.beats)
    if moment.phase > 1 and partner.beats[own].next_ed is None:
        since = leader.seconds[frame] - leader.seconds[leader.beats[moment.beat].es]
        return partner.nearest(partner.seconds[partner.beats[own].es] + since)
    return partner.frame(Moment(own, moment.phase))


def _by_nearest_edge(frame: int, leader: BeatClock, partner: BeatClock) -> int:
    number = min(range(len(leader.beats)), key=lambda beat: _distance(frame, leader.beats[beat]))
    beat, other = leader.beats[number], partner.beats[number % len(partner.beats)]
    at, there = (beat.ed, other.ed) if frame < beat.ed else (beat.es, other.es)
    return partner.nearest(partner.seconds[there] + leader.seconds[frame] - leader.seconds[at])


def _distance(frame: int, beat: Beat) -> int:
    return min(abs(frame - beat.ed), abs(frame - beat.es))


def with_diastole(beats: Sequence[Beat], found: Sequence[Beat]) -> tuple[Beat, ...]:
    """``beats`` with the beginning of the next beat, where one that was ``found`` begins after their ES."""
    begins = sorted({beat.ed for beat in found} | {beat.next_ed for beat in found if beat.next_ed is not None})
    return tuple(replace(beat, next_ed=next((ed for ed in begins if ed > beat.es), beat.next_ed)) for beat in beats)
