"""One simulated patient put before a model: masks by every kind of prompt, EF from each view, clicks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine
from ..clips import analyze_clip
from ..errors import MeasureError
from ..measure.biplane import measure_biplane
from ..measure.ejection_fraction import LVResult
from ..prompts import PointPrompt, Prompt
from ..segmenting import segment_frame
from ..simulation import SimulatedClip, draw_case, simulate_clip
from ..simulation.heart import Tissue
from ..simulation.looks import Sampling
from .sampling import shaken_box
from .scores import dice, surface_distance_mm

if TYPE_CHECKING:
    from ..models.preprocess import FrameGeometry
    from ..models.store import LoadedModel

VIEWS = ("A4C", "A2C")
KINDS = ("text", "box", "box+text", "click1")
"""How each structure is asked for: by name, by a shaken box, by both, by one click."""
CHAMBERS = (Tissue.LV, Tissue.LA, Tissue.RV, Tissue.RA)
EVALUATION = Sampling(depth_samples=480, beams=144, scatterers_per_cell=4.0, slab_mm=3.0)
"""Between training's single planes and the clips that are written; only what is seen in 300 x 400 pixels matters."""
ROWS, COLUMNS = 300, 400
BEATS = 1.6
"""Long enough for one whole systole, wherever in the beat a clip begins."""
_SMALLEST_PX = 120


@dataclass
class MaskTrial:
    """One structure on one frame: Dice by prompt kind, surface distance in mm by text, predicted Dice, truth.

    ``coverage [S/2, S/2]`` is the truth as the part of each cell of the model's output it covers, ``cell_mm`` the size
    ``(y, x)`` of a cell.
    """

    structure: str
    dice: dict[str, float]
    surface_mm: float
    confidence: float
    coverage: NDArray[np.float32]
    cell_mm: tuple[float, float]


@dataclass
class Click:
    """One click without a structure: did its chamber come back, and did it with the prompts zeroed?"""

    chamber: str
    returned: bool
    returned_zeroed: bool


@dataclass
class Patient:
    """All trials of one patient. ``ef`` holds (method, estimate or NaN, truth) in percent.

    ``absent`` holds each structure asked for by name where the picture shows none of it, and whether a mask came back.
    """

    seed: int
    masks: list[MaskTrial] = field(default_factory=list)
    absent: list[tuple[str, bool]] = field(default_factory=list)
    clicks: list[Click] = field(default_factory=list)
    ef: list[tuple[str, float, float]] = field(default_factory=list)


def examine(model: LoadedModel, preset: str, seed: int, tasks: frozenset[str]) -> Patient:
    """Simulates the patient of ``seed`` and tries ``tasks`` (of ``segmentation``, ``ef``, ``prompts``)."""
    case = draw_case(preset, seed)
    patient = Patient(seed)
    results: dict[str, LVResult] = {}
    for view in VIEWS:
        clip = simulate_clip(case, view, rows=ROWS, columns=COLUMNS, beats=BEATS, sampling=EVALUATION)
        cine = clip.cine()
        if tasks & {"segmentation", "prompts"}:
            _try_frames(model, clip, cine, patient, tasks)
        if "ef" in tasks:
            result = _measured(model, cine, view)
            results.update({view: result} if result is not None and result.beats else {})
            patient.ef.append((view, _ejection_fraction(result, view), 100 * case.shape.ef))
    if "ef" in tasks:
        patient.ef.append(("biplane", _biplane(results), 100 * case.shape.ef))
    return patient


def _measured(model: LoadedModel, cine: Cine, view: str) -> LVResult | None:
    """The left ventricle as it is measured everywhere else, None where the model finds none."""
    return analyze_clip(model, cine, view, view).lv


def _ejection_fraction(result: LVResult | None, method: str) -> float:
    found = () if result is None else result.measurements
    values = [m.value for m in found if (m.name, m.method) == ("LVEF", method) and m.value is not None]
    return float(values[0]) if values else float("nan")


def _biplane(results: dict[str, LVResult]) -> float:
    if set(results) != set(VIEWS):
        return float("nan")
    try:
        measured = measure_biplane(results["A4C"], results["A2C"])
    except MeasureError:
        return float("nan")
    return next(float(m.value) for m in measured if m.name == "LVEF" and m.value is not None)


def _try_frames(model: LoadedModel, clip: SimulatedClip, cine: Cine, patient: Patient, tasks: frozenset[str]) -> None:
    waves = clip.r_wave_frames()
    systole = int(np.argmin(clip.volumes_ml()))
    rng = np.random.default_rng([patient.seed, 5, VIEWS.index(clip.view)])
    for frame in dict.fromkeys((*waves[:1], systole)):
        labels = clip.labels(frame)
        if "segmentation" in tasks:
            patient.masks += _mask_trials(model, cine, frame, labels, rng)
            patient.absent += _absent_trials(model, cine, frame, labels)
        if "prompts" in tasks:
            patient.clicks += _clicks(model, cine, frame, labels, rng)


def _mask_trials(
    model: LoadedModel, cine: Cine, frame: int, labels: NDArray[np.uint8], rng: np.random.Generator
) -> list[MaskTrial]:
    present = [
        Tissue[name] for name in model.card.structures if np.count_nonzero(labels == Tissue[name]) >= _SMALLEST_PX
    ]
    asks = [ask for tissue in present for ask in _asks(tissue.name, labels == tissue, rng)]
    found = segment_frame(model, cine, frame, asks)
    geometry = model.card.preprocessing.cine_geometry(cine)
    cell_mm = _cell_mm(geometry, cine)
    trials = []
    for index, tissue in enumerate(present):
        truth, first = labels == tissue, index * len(KINDS)
        masks = found.masks[first : first + len(KINDS)]
        trials.append(
            MaskTrial(
                structure=tissue.name,
                dice={kind: dice(mask, truth) for kind, mask in zip(KINDS, masks, strict=True)},
                surface_mm=surface_distance_mm(masks[0], truth, cine.scale.require()),
                confidence=float(found.confidence[first]),
                coverage=geometry.prepare_masks(truth[None])[0].numpy(),
                cell_mm=cell_mm,
            )
        )
    return trials


def _cell_mm(geometry: FrameGeometry, cine: Cine) -> tuple[float, float]:
    """Size ``(y, x)`` of a cell of the model's output, which is two pixels of its input."""
    x, y = np.ptp(geometry.to_frame([[0.0, 0.0], [2.0, 2.0]]), axis=0)
    mm_y, mm_x = cine.scale.require()
    return float(y * mm_y), float(x * mm_x)


def _absent_trials(model: LoadedModel, cine: Cine, frame: int, labels: NDArray[np.uint8]) -> list[tuple[str, bool]]:
    names = [name for name in model.card.structures if not np.any(labels == Tissue[name])]
    found = segment_frame(model, cine, frame, [Prompt(structure=name) for name in names])
    return [(name, bool(mask.any())) for name, mask in zip(names, found.masks, strict=True)]


def _asks(structure: str, truth: NDArray[np.bool_], rng: np.random.Generator) -> list[Prompt]:
    """One prompt of each of `KINDS`."""
    box = _box(truth, rng)
    return [Prompt(structure=structure), Prompt(box=box), Prompt(structure=structure, box=box), _click(truth, rng)]


def _box(truth: NDArray[np.bool_], rng: np.random.Generator) -> tuple[float, float, float, float]:
    rows, columns = truth.shape
    x0, y0, x1, y1 = (float(v) for v in shaken_box(truth, rng))
    x0, y0 = min(x0, columns - 2.0), min(y0, rows - 2.0)
    return x0, y0, max(x1, x0 + 1.0), max(y1, y0 + 1.0)


def _click(truth: NDArray[np.bool_], rng: np.random.Generator) -> Prompt:
    """A click a person would make: at least half as deep inside as the deepest place."""
    from scipy import ndimage

    depth = ndimage.distance_transform_edt(truth)
    places = np.argwhere(depth >= 0.5 * depth.max())
    y, x = places[rng.integers(len(places))]
    return Prompt(points=(PointPrompt(float(x), float(y)),))


def _clicks(
    model: LoadedModel, cine: Cine, frame: int, labels: NDArray[np.uint8], rng: np.random.Generator
) -> list[Click]:
    asked = [t for t in (Tissue.LV, Tissue.LA, Tissue.RV) if np.count_nonzero(labels == t) >= _SMALLEST_PX]
    asks = [_click(labels == tissue, rng) for tissue in asked]
    normal, zeroed = segment_frame(model, cine, frame, asks), segment_frame(model, cine, frame, asks, zero_prompts=True)
    return [
        Click(
            tissue.name,
            _returns(normal.masks[i], labels, tissue),
            _returns(zeroed.masks[i], labels, tissue),
        )
        for i, tissue in enumerate(asked)
    ]


def _returns(mask: NDArray[np.bool_], labels: NDArray[np.uint8], tissue: Tissue) -> bool:
    """Whether ``mask`` is the chamber clicked: more like it than like any other, and at Dice 0.5 or above."""
    overlaps = {chamber: dice(mask, labels == chamber) for chamber in CHAMBERS}
    return overlaps[tissue] >= 0.5 and overlaps[tissue] == max(overlaps.values())
