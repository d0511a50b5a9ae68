"""The left ventricle beside its second truth, which leaves the trabecular layer outside, as some readers trace it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...prompts import Prompt
from ...simulation import SimulatedClip
from ...simulation.heart import Tissue
from ..trial_types import Findings
from .evaluated_model import Subject
from .simulated_patients import SimulatedPatient, if_shown, key_frames
from .structure_masks import drawn_box, mask_trial, truth_arrays

INSIDE_TRABECULAE = "LV_inside_trabeculae"
"""What the second truth is called; nobody is asked for it by this name."""

INSIDE_KINDS = ("text", "box")
"""How the LV is asked for: by its name, and by a shaken box around what this truth shows."""


def try_inside_trabeculae(subject: Subject, patient: SimulatedPatient, findings: Findings, clip: SimulatedClip) -> None:
    """The LV in the key frames of ``clip``, where the heart has a trabecular layer and the subject knows LV by name."""
    if "LV" not in subject.structures:
        return
    rng = np.random.default_rng([patient.seed, 9, sum(map(ord, clip.view))])
    cine = clip.cine()
    arrays: dict[str, NDArray[np.uint8]] = {}
    for frame in key_frames(clip):
        truth = second_truth(clip, frame)
        if truth is not None:
            asks = [Prompt(structure="LV"), Prompt(box=drawn_box(truth, rng))]
            found = subject.prompted(clip, frame, asks)
            trial = mask_trial(cine, f"{clip.view}/{frame}/{INSIDE_TRABECULAE}", truth, INSIDE_KINDS, found)
            arrays |= truth_arrays(trial, truth, cine)
            findings.inside_trabeculae.append(trial)
    findings.arrays = {**findings.arrays, **arrays}


def second_truth(clip: SimulatedClip, frame: int) -> NDArray[np.bool_] | None:
    """The LV without its trabecular layer, ``bool [H, W]``; None where there is no layer, or too little to be shown."""
    inside = clip.lv_without_trabeculae(frame)
    return None if np.array_equal(inside, clip.labels(frame) == Tissue.LV) else if_shown(inside)
