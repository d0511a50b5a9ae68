"""The left ventricle beside the truth that leaves its trabecular layer outside."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation_subjects import SEED, SMALL, TINY, TruthSubject, labels_of

from echoapex.evaluation.trial_types import Findings
from echoapex.evaluation.trials.inside_trabeculae import second_truth, try_inside_trabeculae
from echoapex.evaluation.trials.simulated_patients import SimulatedPatient
from echoapex.simulation.heart import Tissue


@pytest.mark.parametrize("preset", ["easy", "hard-1"])
def test_hearts_without_trabecular_layer_have_no_second_truth(preset: str) -> None:
    assert second_truth(SimulatedPatient(preset, SEED, TINY).still("A4C"), 0) is None


class Cautious(TruthSubject):
    """Leaves the trabecular layer outside by name, not by a box."""

    def prompted(self, clip, frame, prompts, *, zero_prompts=False):  # type: ignore[no-untyped-def]
        found = super().prompted(clip, frame, prompts, zero_prompts=zero_prompts)
        named = [prompt.structure is not None for prompt in prompts]
        found.masks[named] &= clip.lv_without_trabeculae(frame)
        return found


def test_the_ventricle_is_scored_without_its_trabecular_layer_too() -> None:
    patient, findings = SimulatedPatient("hard", SEED, SMALL), Findings(SEED)
    clip = patient.still("A4C")
    try_inside_trabeculae(Cautious(), patient, findings, clip)
    (trial,) = findings.inside_trabeculae
    truth = second_truth(clip, 0)
    assert truth is not None
    assert trial.dice["text"] == trial.area_ratio["text"] == 1 and trial.surface_mm == 0
    whole = np.count_nonzero(labels_of(clip, 0) == Tissue.LV)
    inside = np.count_nonzero(truth)
    assert trial.area_ratio["box"] == pytest.approx(whole / inside) and whole > 1.05 * inside
    assert trial.dice["box"] == pytest.approx(2 * inside / (whole + inside))
    assert np.count_nonzero(findings.arrays[trial.shape]) == inside
    assert trial.coverage in findings.arrays and findings.array_names == set(findings.arrays)


class Nameless(TruthSubject):
    """Knows nothing by name."""

    structures = ()


def test_a_subject_that_does_not_know_the_ventricle_is_not_asked_for_it() -> None:
    patient, findings = SimulatedPatient("hard", SEED, TINY), Findings(SEED)
    try_inside_trabeculae(Nameless(), patient, findings, patient.still("A4C"))
    assert findings == Findings(SEED)
