"""The left ventricle shown on one frame and carried through a beat: as a session does it, and by motion alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...inference.carrying import DRAWN
from ...inference.propagation import carry_masks
from ...inference.segmentation import Segmentation
from ...prompts import Prompt
from ...simulation import SimulatedClip
from ...simulation.heart import Tissue
from ..bootstrap_scores import dice
from ..trial_types import CarryTrial, Findings
from .evaluated_model import Subject
from .simulated_patients import SimulatedPatient, shown
from .structure_masks import drawn_box
from .whole_clips import APICAL

MOST_FRAMES = 12
"""Frames of a beat that are scored, at most (our choice: neighbors are alike); masks go through all of them."""


def try_carrying(subject: Subject, patient: SimulatedPatient, findings: Findings) -> None:
    """The LV from end-diastole through one beat of each apical clip, where it is shown there.

    It is shown by a shaken box and by its true mask, each with its name, if that is known, and without. Beside those
    stands the mask by a box without name, and the true one, carried by the motion of the picture alone (``flow``).
    """
    for view in APICAL:
        clip, ed, es = one_beat(patient.clip(view))
        truth = shown(clip.labels(ed), "LV")
        if truth is None:
            continue
        box = drawn_box(truth, np.random.default_rng([patient.seed, 8, sum(map(ord, view))]))
        scored = _Scored(clip, ed, es, truth)
        for way, structure in _ways(subject):
            first = subject.prompted(clip, ed, [Prompt(structure=structure, box=box)])
            mask, sure = first.masks[0], float(first.confidence[0])
            findings.carried.append(scored.trial(f"box{way}", subject.carried(clip, ed, mask, sure, structure)))
            findings.carried.append(scored.trial(f"mask{way}", subject.carried(clip, ed, truth, DRAWN, structure)))
            if structure is None:
                findings.carried.append(scored.trial("box/flow", _by_flow(clip, ed, mask)))
        findings.carried.append(scored.trial("mask/flow", _by_flow(clip, ed, truth)))


def _ways(subject: Subject) -> list[tuple[str, str | None]]:
    return [("", None), *([("+text", "LV")] if "LV" in subject.structures else [])]


def _by_flow(clip: SimulatedClip, frame: int, mask: NDArray[np.bool_]) -> Segmentation:
    found = carry_masks(clip.cine(), {frame: mask})
    return Segmentation(found.masks, found.confidence)


def one_beat(clip: SimulatedClip) -> tuple[SimulatedClip, int, int]:
    """One beat of ``clip``, or all of a shorter one, and its frames of end-diastole and of the least volume.

    It begins at the first R wave, or as much earlier as the clip ends before the next; where no R wave lies in the clip
    the frame of the largest volume stands for it.
    """
    count = len(clip.frames)
    length = min(count, round(60 / clip.case.shape.heart_rate / clip.frame_time_s))
    wave = next(iter(clip.r_wave_frames()), int(np.argmax(clip.volumes_ml())))
    start = min(wave, count - length)
    part = slice(start, start + length)
    beat = replace(clip, frames=clip.frames[part], phases=clip.phases[part])
    return beat, wave - start, int(np.argmin(beat.volumes_ml()))


def scored_frames(count: int, ed: int, es: int) -> list[int]:
    """At most `MOST_FRAMES` of ``count`` frames, evenly apart: with ``es``, without ``ed``, where masks are given."""
    evenly = np.linspace(0, count - 1, MOST_FRAMES - 1).round().astype(int).tolist()
    return sorted({*evenly, es} - {ed})


class _Scored:
    """The true masks that carried ones are scored against."""

    def __init__(self, clip: SimulatedClip, ed: int, es: int, truth: NDArray[np.bool_]) -> None:
        self._view, self._ed, self._es = clip.view, ed, es
        frames = scored_frames(len(clip.frames), ed, es)
        self._truths = {ed: truth} | {frame: clip.labels(frame) == Tissue.LV for frame in frames}

    def trial(self, way: str, found: Segmentation) -> CarryTrial:
        """``found`` on all frames of the clip beside the truth."""
        ed, es, truths = self._ed, self._es, self._truths
        others = [frame for frame in truths if frame != ed]
        return CarryTrial(
            view=self._view,
            way=way,
            dice=[dice(found.masks[frame], truths[frame]) for frame in others],
            confidence=[float(found.confidence[frame]) for frame in others],
            still=[dice(found.masks[ed], truths[frame]) for frame in others],
            found_swing=swing(found.masks[ed], found.masks[es]),
            true_swing=swing(truths[ed], truths[es]),
        )


def swing(diastole: NDArray[np.bool_], systole: NDArray[np.bool_]) -> float:
    """How much of its area a mask loses from end-diastole to end-systole; 0 where there is nothing at end-diastole."""
    area = np.count_nonzero(diastole)
    return (area - np.count_nonzero(systole)) / area if area else 0.0
