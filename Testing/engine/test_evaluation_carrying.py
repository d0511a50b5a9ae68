"""The left ventricle carried through a beat, by subjects whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evaluation_subjects import SEED, SMALL, TINY, TruthSubject

from echoapex.evaluation.trial_types import Findings
from echoapex.evaluation.trials.carrying import MOST_FRAMES, one_beat, scored_frames, swing, try_carrying
from echoapex.evaluation.trials.simulated_patients import SimulatedPatient
from echoapex.inference.segmentation import Segmentation

COARSE = replace(SMALL, rows=64, columns=84)


def test_a_beat_is_whole_and_holds_its_systole() -> None:
    clip = SimulatedPatient("hard", SEED, replace(COARSE, beats=1.6)).clip("A4C")
    beat, ed, es = one_beat(clip)
    assert len(beat.frames) == round(60 / clip.case.shape.heart_rate / clip.frame_time_s) < len(clip.frames)
    assert np.array_equal(beat.frames[ed], clip.frames[clip.r_wave_frames()[0]])
    assert beat.volumes_ml()[es] == beat.volumes_ml().min() == pytest.approx(clip.volumes_ml().min(), rel=0.02)


def test_of_a_clip_shorter_than_a_beat_all_is_taken() -> None:
    clip = SimulatedPatient("easy", SEED, replace(TINY, beats=0.3)).clip("A2C")
    beat, ed, es = one_beat(clip)
    assert len(beat.frames) == len(clip.frames) and ed == 0 and es == len(clip.frames) - 1


@pytest.mark.parametrize("count", [2, 5, 12, 13, 50])
def test_few_frames_are_scored_and_the_systole_is_one(count: int) -> None:
    for ed, es in ((0, count - 1), (count - 1, 0), (1, count // 2)):
        frames = scored_frames(count, ed, es)
        assert 1 <= len(frames) <= MOST_FRAMES and frames == sorted(set(frames))
        assert ed not in frames and (es in frames or es == ed) and frames[0] >= 0 and frames[-1] < count


def test_the_swing_is_the_share_of_the_area_that_is_lost() -> None:
    large, small = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    large[:10, :10], small[:5, :10] = True, True
    assert swing(large, small) == 0.5 and swing(small, large) == -1 and swing(large, large) == 0
    assert swing(np.zeros_like(large), small) == 0


class Lagging(TruthSubject):
    """Keeps every mask still, and is sure of none."""

    def carried(self, clip, frame, mask, sure, structure=None):  # type: ignore[no-untyped-def]
        count = len(clip.frames)
        return Segmentation(np.stack([mask] * count), np.zeros(count, np.float32))


def test_masks_that_are_kept_still_reach_what_the_given_one_does() -> None:
    findings = Findings(SEED)
    try_carrying(Lagging(), SimulatedPatient("easy", SEED, replace(COARSE, beats=1.0)), findings)
    ways = {"box", "mask", "box+text", "mask+text", "box/flow", "mask/flow"}
    assert {(t.view, t.way) for t in findings.carried} == {(view, way) for view in ("A4C", "A2C") for way in ways}
    for trial in findings.carried:
        assert len(trial.dice) == len(trial.confidence) == len(trial.still) >= 10
        assert trial.true_swing > 0.3 and min(trial.still) < 0.9
        if not trial.way.endswith("flow"):
            assert trial.dice == trial.still and trial.found_swing == 0 and set(trial.confidence) == {0.0}
    mask_flow = [t for t in findings.carried if t.way == "mask/flow"]
    assert all(t.found_swing != 0 and np.mean(t.dice) > np.mean(t.still) for t in mask_flow)


class Nameless(TruthSubject):
    """Knows nothing by name."""

    structures = ()


def test_a_subject_that_knows_no_names_is_shown_the_ventricle_all_the_same() -> None:
    findings, patient = Findings(SEED), SimulatedPatient("hard", SEED, replace(COARSE, beats=0.2))
    try_carrying(Nameless(), patient, findings)
    assert {trial.way for trial in findings.carried} == {"box", "mask", "box/flow", "mask/flow"}
