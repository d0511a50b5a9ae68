"""Structures on single frames: every way to ask for each, and names of what is not in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...cine import Cine
from ...inference.segmentation import Segmentation
from ...prompts import PointPrompt, Prompt
from ...simulation import SimulatedClip
from ...training.prompt_sampling import shaken_box
from ..bootstrap_scores import dice, surface_distance_mm
from ..mean_shape_in_box import cut_to_box
from ..trial_types import AbsentTrial, Findings, MaskTrial
from .case_pictures import mask_overlay
from .evaluated_model import Subject
from .simulated_patients import SimulatedPatient, key_frames, known_tissue, shown

KINDS = ("text", "box", "box+text", "click1")
"""How each structure is asked for: by name, by a shaken box, by both, by one click."""

CELLS = 96
"""Rows and columns of the coverage: the sector's box in cells, the same for every model (our choice)."""


def try_masks(subject: Subject, patient: SimulatedPatient, findings: Findings, view: str, clip: SimulatedClip) -> None:
    """Every structure in the key frames of ``clip``."""
    rng = np.random.default_rng([patient.seed, 5, sum(map(ord, view))])
    arrays: dict[str, NDArray[np.uint8]] = {}
    for frame in key_frames(clip):
        labels = clip.labels(frame)
        findings.masks += _mask_trials(subject, clip, frame, labels, rng, arrays)
        findings.absent += _absent_trials(subject, clip, frame, labels)
    findings.arrays = {**findings.arrays, **arrays}


def keep_worst_pictures(findings: Findings) -> None:
    """Drops the pictures of all masks but the worst of each structure: of most, nobody will look at them."""
    worst: dict[str, MaskTrial] = {}
    for trial in findings.masks:
        so_far = worst.get(trial.structure, trial)
        worst[trial.structure] = trial if trial.dice["text"] <= so_far.dice["text"] else so_far
    kept = {trial.picture for trial in worst.values()}
    dropped = {trial.picture for trial in findings.masks} - kept
    findings.masks = [t if t.picture in kept else replace(t, picture=None) for t in findings.masks]
    findings.arrays = {key: value for key, value in findings.arrays.items() if key not in dropped}


def _mask_trials(
    subject: Subject,
    clip: SimulatedClip,
    frame: int,
    labels: NDArray[np.uint8],
    rng: np.random.Generator,
    arrays: dict[str, NDArray[np.uint8]],
) -> list[MaskTrial]:
    truths = {name: mask for name in subject.structures if (mask := shown(labels, name)) is not None}
    asks = [ask for name, truth in truths.items() for ask in _asks(name, truth, rng)]
    found = subject.prompted(clip, frame, asks)
    cine = clip.cine()
    trials = []
    for index, (name, truth) in enumerate(truths.items()):
        part = slice(index * len(KINDS), (index + 1) * len(KINDS))
        one = Segmentation(found.masks[part], found.confidence[part])
        trial = mask_trial(cine, f"{clip.view}/{frame}/{name}", truth, KINDS, one)
        arrays |= truth_arrays(trial, truth, cine)
        arrays[f"picture/{trial.coverage}"] = mask_overlay(cine, frame, truth, one.masks[0])
        trials.append(replace(trial, picture=f"picture/{trial.coverage}"))
    return trials


def mask_trial(cine: Cine, key: str, truth: NDArray[np.bool_], kinds: Sequence[str], found: Segmentation) -> MaskTrial:
    """What was ``found`` in each of ``kinds``, by name first; ``key`` is view/frame/structure."""
    view, frame, name = key.split("/")
    mm_y, mm_x = cine.scale.require()
    x0, y0, x1, y1 = cine.sector.box
    area = np.count_nonzero(truth)
    by_kind = dict(zip(kinds, found.masks, strict=True))
    return MaskTrial(
        view=view,
        frame=int(frame),
        structure=name,
        dice={kind: dice(mask, truth) for kind, mask in by_kind.items()},
        confidence={kind: float(sure) for kind, sure in zip(kinds, found.confidence, strict=True)},
        area_ratio={kind: np.count_nonzero(mask) / area for kind, mask in by_kind.items()},
        surface_mm=surface_distance_mm(found.masks[0], truth, (mm_y, mm_x)),
        area_mm2=float(area * mm_y * mm_x),
        cell_mm=((y1 - y0 + 1) * mm_y / CELLS, (x1 - x0 + 1) * mm_x / CELLS),
        coverage=key,
        shape=f"shape/{key}",
    )


def truth_arrays(trial: MaskTrial, truth: NDArray[np.bool_], cine: Cine) -> dict[str, NDArray[np.uint8]]:
    """The arrays of the truth that ``trial`` names."""
    return {trial.coverage: coverage(truth, cine), trial.shape: cut_to_box(truth)}


def coverage(truth: NDArray[np.bool_], cine: Cine) -> NDArray[np.uint8]:
    """How much of each cell of the sector's box ``truth [H, W]`` covers, ``uint8 [CELLS, CELLS]``, 255 is all of it."""
    import cv2

    x0, y0, x1, y1 = cine.sector.box
    cut = truth[y0 : y1 + 1, x0 : x1 + 1].astype(np.uint8) * 255
    return np.asarray(cv2.resize(cut, (CELLS, CELLS), interpolation=cv2.INTER_AREA), np.uint8)


def _absent_trials(subject: Subject, clip: SimulatedClip, frame: int, labels: NDArray[np.uint8]) -> list[AbsentTrial]:
    absent = [
        name
        for name in subject.structures
        if (tissue := known_tissue(name)) is not None and not np.any(labels == tissue)
    ]
    found = subject.prompted(clip, frame, [Prompt(structure=name) for name in absent])
    return [AbsentTrial(clip.view, name, bool(mask.any())) for name, mask in zip(absent, found.masks, strict=True)]


def _asks(structure: str, truth: NDArray[np.bool_], rng: np.random.Generator) -> list[Prompt]:
    """One prompt of each of `KINDS`."""
    box = drawn_box(truth, rng)
    click = Prompt(points=(drawn_click(truth, rng),))
    return [Prompt(structure=structure), Prompt(box=box), Prompt(structure=structure, box=box), click]


def drawn_box(truth: NDArray[np.bool_], rng: np.random.Generator) -> tuple[float, float, float, float]:
    """A box as a person draws it: each side up to a tenth of its length off, inside the frame."""
    rows, columns = truth.shape
    x0, y0, x1, y1 = (float(v) for v in shaken_box(truth, rng))
    x0, y0 = min(x0, columns - 2.0), min(y0, rows - 2.0)
    return x0, y0, max(x1, x0 + 1.0), max(y1, y0 + 1.0)


def drawn_click(truth: NDArray[np.bool_], rng: np.random.Generator, *, positive: bool = True) -> PointPrompt:
    """A click a person would make: at least half as deep inside as the deepest place."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(truth)
    places = np.argwhere(depth >= 0.5 * depth.max())
    y, x = places[rng.integers(len(places))]
    return PointPrompt(float(x), float(y), positive)


def deepest_click(region: NDArray[np.bool_], *, positive: bool = True) -> PointPrompt:
    """A click at the place of ``region`` that is farthest from its border."""
    from scipy import ndimage

    # Padded: the edge of the frame is a border too.
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(int(np.argmax(depth)), region.shape)
    return PointPrompt(float(x), float(y), positive)
