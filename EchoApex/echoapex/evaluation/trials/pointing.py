"""Prompts that point: clicks without a name, a click that takes away, and a structure the model was never taught.

Negative click: two neighboring chambers are asked for together, by a box around both or by both as a previous mask, and
a negative click is put into one of them, then into the other. It has removed the region it hits when less than 20 % of
that is left while more than 80 % of the other is there. The two ways round make it a fair test: whoever leaves out the
same chamber in either case, or heeds no click, is right in half of them at most. What the same box or mask gets without
the click stands beside it as the constant predictor. Limits and rule are our choice.

Held-out structure: its largest connected piece in the picture, since one box or one click means one thing (an effusion
may show in several pockets). A box drawn around it; and clicks as in segment-anything's evaluation (Kirillov et al.
2023, D.1): the first at its deepest place, each next at the deepest place of the largest region of error, positive
where something is missing and negative where something is too much, with the previous mask passed on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...inference.mask_pieces import main_pieces
from ...prompts import PointPrompt, Prompt
from ...simulation import SimulatedClip
from ...simulation.heart import Tissue
from ..bootstrap_scores import dice
from ..trial_types import ClickTrial, Findings, HeldOutTrial, RemovalTrial
from .evaluated_model import Subject
from .simulated_patients import MAIN_VIEWS, SMALLEST_PX, SimulatedPatient, key_frames, shown
from .structure_masks import deepest_click, drawn_box, drawn_click

CHAMBERS = (Tissue.LV, Tissue.LA, Tissue.RV, Tissue.RA, Tissue.AO)
NEIGHBORS = (("LV", "LA"), ("LV", "RV"), ("RV", "RA"), ("LA", "AO"))
"""Chambers that are asked for together, where both are shown."""

CLICKS = 5
_HELD_OUT_VIEWS = {"PERICARDIAL_EFFUSION": ("A4C", "PLAX"), "AO": ("PLAX", "A5C")}
"""Where a structure is looked for when it was kept out of training; others in the main views."""


def try_clicks(subject: Subject, patient: SimulatedPatient, findings: Findings, view: str) -> None:
    """One click in every chamber of the key frames, and negative clicks in pairs of them."""
    clip = patient.clip(view)
    rng = np.random.default_rng([patient.seed, 6, MAIN_VIEWS.index(view)])
    for frame in key_frames(clip):
        labels = clip.labels(frame)
        findings.clicks += _click_trials(subject, clip, frame, labels, rng)
        findings.removals += _removal_trials(subject, clip, frame, labels, rng)


def _click_trials(
    subject: Subject, clip: SimulatedClip, frame: int, labels: NDArray[np.uint8], rng: np.random.Generator
) -> list[ClickTrial]:
    asked = [
        (tissue, mask)
        for tissue in CHAMBERS
        if tissue.name in subject.structures and (mask := shown(labels, tissue.name)) is not None
    ]
    asks = [Prompt(points=(drawn_click(mask, rng),)) for _, mask in asked]
    normal = subject.prompted(clip, frame, asks).masks
    zeroed = subject.prompted(clip, frame, asks, zero_prompts=True).masks
    return [
        ClickTrial(clip.view, tissue.name, _returns(mask, labels, tissue), _returns(blank, labels, tissue))
        for (tissue, _), mask, blank in zip(asked, normal, zeroed, strict=True)
    ]


def _returns(mask: NDArray[np.bool_], labels: NDArray[np.uint8], tissue: Tissue) -> bool:
    """Whether ``mask`` is the chamber clicked: more like it than like any other, and at Dice 0.5 or above."""
    overlaps = {chamber: dice(mask, labels == chamber) for chamber in CHAMBERS}
    return overlaps[tissue] >= 0.5 and overlaps[tissue] == max(overlaps.values())


@dataclass(frozen=True)
class _Removal:
    """What is asked without and with the negative click."""

    start: str
    hit: str
    other: str
    before: Prompt
    after: Prompt


def _removal_trials(
    subject: Subject, clip: SimulatedClip, frame: int, labels: NDArray[np.uint8], rng: np.random.Generator
) -> list[RemovalTrial]:
    tasks: list[_Removal] = []
    truths = {tissue.name: mask for tissue in CHAMBERS if (mask := shown(labels, tissue.name)) is not None}
    for pair in NEIGHBORS:
        if set(pair) <= truths.keys() & set(subject.structures):
            tasks += _removals(pair, truths, rng)
    before = subject.prompted(clip, frame, [task.before for task in tasks]).masks
    after = subject.prompted(clip, frame, [task.after for task in tasks]).masks
    return [
        RemovalTrial(
            view=clip.view,
            start=task.start,
            hit=task.hit,
            other=task.other,
            hit_before=_share(first, truths[task.hit]),
            other_before=_share(first, truths[task.other]),
            hit_after=_share(second, truths[task.hit]),
            other_after=_share(second, truths[task.other]),
        )
        for task, first, second in zip(tasks, before, after, strict=True)
    ]


def _removals(pair: tuple[str, str], truths: dict[str, NDArray[np.bool_]], rng: np.random.Generator) -> list[_Removal]:
    """Both chambers of a pair hit in turn, from a box and from a mask around both."""
    both = truths[pair[0]] | truths[pair[1]]
    box = drawn_box(both, rng)
    tasks = []
    for hit, other in (pair, pair[::-1]):
        click = (drawn_click(truths[hit], rng, positive=False),)
        tasks.append(_Removal("box", hit, other, Prompt(box=box), Prompt(box=box, points=click)))
        tasks.append(_Removal("mask", hit, other, Prompt(mask=both), Prompt(mask=both, points=click)))
    return tasks


def _share(mask: NDArray[np.bool_], region: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(mask & region) / np.count_nonzero(region))


def try_held_out(subject: Subject, patient: SimulatedPatient, findings: Findings, name: str) -> None:
    """``name`` by a box and by clicks, on one frame of each view that is known to show it."""
    rng = np.random.default_rng([patient.seed, 7])
    effusion = name == "PERICARDIAL_EFFUSION"
    for view in _HELD_OUT_VIEWS.get(name, MAIN_VIEWS):
        clip = patient.still(view, effusion=effusion)
        truth = shown(clip.labels(0), name)
        piece = None if truth is None else main_pieces(truth)
        if piece is not None and np.count_nonzero(piece) >= SMALLEST_PX:
            findings.held_out.append(_held_out_trial(subject, clip, name, piece, rng))


def _held_out_trial(
    subject: Subject, clip: SimulatedClip, name: str, truth: NDArray[np.bool_], rng: np.random.Generator
) -> HeldOutTrial:
    box = Prompt(box=drawn_box(truth, rng))
    reached, last = _clicked(subject, clip, truth)
    boxed = subject.prompted(clip, 0, [box]).masks[0]
    box_zeroed, clicks_zeroed = subject.prompted(clip, 0, [box, last], zero_prompts=True).masks
    return HeldOutTrial(
        view=clip.view,
        structure=name,
        box=dice(boxed, truth),
        clicks=reached,
        box_zeroed=dice(box_zeroed, truth),
        clicks_zeroed=dice(clicks_zeroed, truth),
    )


def _clicked(subject: Subject, clip: SimulatedClip, truth: NDArray[np.bool_]) -> tuple[list[float], Prompt]:
    """Dice after each of `CLICKS` clicks, and the last prompt."""
    mask = np.zeros_like(truth)
    points: tuple[PointPrompt, ...] = ()
    reached = []
    for _ in range(CLICKS):
        points = (*points, next_click(truth, mask))
        prompt = Prompt(points=points, mask=mask if mask.any() else None)
        mask = subject.prompted(clip, 0, [prompt]).masks[0]
        reached.append(dice(mask, truth))
    return reached, prompt


def next_click(truth: NDArray[np.bool_], mask: NDArray[np.bool_]) -> PointPrompt:
    """The deepest place of the largest region of error, or of ``truth`` where there is no error."""
    from scipy import ndimage

    regions = []
    for positive, error in ((True, truth & ~mask), (False, mask & ~truth)):
        labels, count = ndimage.label(error)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        if count:
            regions.append((int(sizes.max()), positive, labels == int(np.argmax(sizes)) + 1))
    if not regions:
        return deepest_click(truth)
    _, positive, region = max(regions, key=lambda item: item[:2])
    return deepest_click(region, positive=positive)
