"""The figures of a page: each drawing with a caption that says what is shown, and on what."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ...models.model_card import OTHER, UNKNOWN
from ..bootstrap_scores import FloatArray, reliability
from ..tables.ef_walls_beats import ef_pairs, wall_pairs
from ..tables.score_rows import names_in
from ..tables.segmentation import confidence_rows
from ..trial_types import Findings, MaskTrial, WallTrial
from ..trials.simulated_patients import MAIN_VIEWS
from .svg_plots import Axis, matrix_plot, point_plot

FEWEST = 3
"""Points below which nothing is drawn: there is nothing to see in them (our choice)."""

WORST = 6
"""Overlays of masks on a page, and of walls, at most (our choice)."""

_THICKNESSES = ("IVSd", "LVPWd")


@dataclass(frozen=True)
class Figure:
    """A drawing (SVG or pictures, as HTML) and its caption in plain words; ``wide`` takes the width of the page."""

    caption: str
    drawing: str
    wide: bool = False

    def html(self) -> str:
        """The figure as it stands in the page."""
        kind = ' class="wide"' if self.wide else ""
        return f"<figure{kind}>{self.drawing}<figcaption>{escape(self.caption)}</figcaption></figure>"


def figures(found: Mapping[str, Sequence[Findings]]) -> dict[str, list[Figure]]:
    """The figures of each task, from the trials of all patients by task."""
    makers = {
        "segmentation": _segmentation,
        "ef": _ef,
        "walls": _walls,
        "views": _views,
    }
    return {task: list(makers[task](patients)) for task, patients in found.items() if task in makers}


def _segmentation(patients: Sequence[Findings]) -> Iterable[Figure]:
    rows = [row for p in patients for row in confidence_rows(p, lambda t: t.view in MAIN_VIEWS)]
    if len(rows) >= FEWEST:
        yield _reliability(np.array(rows))
    trials = [trial for patient in patients for trial in patient.masks if trial.structure == "LV"]
    if len(trials) >= FEWEST:
        points = np.array([(trial.area_mm2 / 100, trial.dice["text"]) for trial in trials])
        caption = "Dice of the left ventricle by name against its true size in the picture, simulated hearts."
        yield Figure(caption, point_plot(caption, points, Axis("true area (cm²)"), Axis("Dice", None, 1.0)))
    yield from _worst_masks(patients)


def _reliability(rows: FloatArray) -> Figure:
    bins = reliability(rows)
    points = np.array([bin_[:2] for bin_ in bins])
    low = float(min(points.min(), 0.5))
    caption = (
        f"Reliability of the confidence: predicted against reached Dice of {len(rows)} masks by name, in bins of a "
        "tenth; larger circles hold more masks, the dashed line is a confidence that is always right. Simulated hearts."
    )
    axes = Axis("predicted Dice", low, 1.0), Axis("reached Dice", low, 1.0)
    return Figure(caption, point_plot(caption, points, *axes, diagonal=True, sizes=[bin_[2] for bin_ in bins]))


def _ef(patients: Sequence[Findings]) -> Iterable[Figure]:
    pairs = ef_pairs(patients, ("biplane",))
    if sum(map(len, pairs)) >= FEWEST:
        yield _bland_altman("ejection fraction, biplane", "EF", "%", np.concatenate(pairs))
        yield _error_by_size("ejection fraction, biplane", "EF", "%", np.concatenate(pairs))


def _walls(patients: Sequence[Findings]) -> Iterable[Figure]:
    for name in names_in(trial.name for patient in patients for trial in patient.walls):
        pairs = wall_pairs(patients, name)
        if sum(map(len, pairs)) >= FEWEST:
            yield _bland_altman(name, name, "mm", np.concatenate(pairs))
            yield _error_by_size(name, name, "mm", np.concatenate(pairs))
    yield from _worst_walls(patients)


def _bland_altman(what: str, name: str, unit: str, pairs: FloatArray) -> Figure:
    """Bland and Altman 1986: difference against mean, with bias and 95 % limits of agreement."""
    difference = pairs[:, 0] - pairs[:, 1]
    bias, half = float(difference.mean()), 1.96 * float(difference.std())
    levels = [(bias + half, f"{bias + half:.1f}"), (bias, f"bias {bias:.1f}"), (bias - half, f"{bias - half:.1f}")]
    points = np.column_stack([pairs.mean(axis=1), difference])
    caption = f"Bland–Altman of {what}: model less truth, with bias and 95 % limits; {len(pairs)} simulated hearts."
    axes = Axis(f"mean of model and truth, {name} ({unit})"), Axis(f"difference ({unit})")
    return Figure(caption, point_plot(caption, points, *axes, levels=levels))


def _error_by_size(what: str, name: str, unit: str, pairs: FloatArray) -> Figure:
    """Absolute error against truth; the dashed line is the mean error of always answering the median."""
    constant = float(np.mean(np.abs(pairs[:, 1] - np.median(pairs[:, 1]))))
    points = np.column_stack([pairs[:, 1], np.abs(pairs[:, 0] - pairs[:, 1])])
    caption = f"Error of {what} against its true size; dashed, the mean error of a constant answer. Simulated hearts."
    axes = Axis(f"true {name} ({unit})"), Axis(f"error ({unit})", 0.0)
    return Figure(caption, point_plot(caption, points, *axes, levels=[(constant, "constant")]))


def _views(patients: Sequence[Findings]) -> Iterable[Figure]:
    trials = [trial for patient in patients for trial in patient.views]
    if trials:
        yield _answered("", [(trial.truth, trial.answer) for trial in trials])
    if any(trial.added for trial in trials):
        yield _answered(" by the view head that was taught later", [(trial.truth, trial.added) for trial in trials])


def _answered(whom: str, trials: Sequence[tuple[str, str]]) -> Figure:
    """Truths against answers; ``whom`` names who answered."""
    rows = names_in(truth for truth, _ in trials)
    answers = {answer for _, answer in trials} | set(rows) | {UNKNOWN}
    columns = [*(n for n in rows if n != OTHER), *sorted(answers - {*rows, OTHER, UNKNOWN}), OTHER, UNKNOWN]
    counts = np.zeros((len(rows), len(columns)))
    for truth, answer in trials:
        counts[rows.index(truth), columns.index(answer)] += 1
    caption = (
        f"Which view was answered{whom} (columns) for {len(trials)} simulated clips, in percent of those that truly "
        f"show the view of the row; {UNKNOWN} is an answer withheld, {OTHER} a clip that shows none of the views."
    )
    return Figure(caption, matrix_plot(caption, counts, rows, columns))


def _worst_masks(patients: Sequence[Findings]) -> Iterable[Figure]:
    """The worst mask of as many structures as there is room for, worst first."""
    drawn = [(trial, patient) for patient in patients for trial in patient.masks if trial.picture is not None]
    worst: dict[str, tuple[MaskTrial, Findings]] = {}
    for trial, patient in sorted(drawn, key=lambda item: item[0].dice["text"]):
        worst.setdefault(trial.structure, (trial, patient))
    stills = [_still(p, t.picture, f"{t.structure} in {t.view}, Dice {t.dice['text']:.2f}") for t, p in worst.values()]
    yield from _strip("The worst mask by name of each structure: truth in blue, model in orange.", stills)


def _worst_walls(patients: Sequence[Findings]) -> Iterable[Figure]:
    """The largest errors of wall thickness, each patient once."""
    drawn = [(t, p) for p in patients for t in p.walls if t.picture is not None and t.name in _THICKNESSES]
    known = [(abs(t.estimate - t.truth), t, p) for t, p in drawn if np.isfinite(t.estimate)]
    worst: dict[int, tuple[WallTrial, Findings]] = {}
    for _, trial, patient in sorted(known, key=lambda item: -item[0]):
        worst.setdefault(patient.seed, (trial, patient))
    stills = [_still(p, t.picture, f"{t.name} {t.estimate:.1f} mm, truth {t.truth:.1f} mm") for t, p in worst.values()]
    yield from _strip("The largest errors of wall thickness: true landmarks in blue, found in orange.", stills)


def _strip(caption: str, stills: Sequence[str]) -> Iterable[Figure]:
    """As many of the stills as there is room for, side by side; nothing where there are none."""
    if stills:
        drawing = f'<div class="worst">{"".join(stills[:WORST])}</div>'
        yield Figure(f"{caption} Simulated hearts.", drawing, wide=True)


def _still(patient: Findings, picture: str | None, words: str) -> str:
    assert picture is not None
    label = escape(f"{words}, seed {patient.seed}")
    address = "data:image/jpeg;base64," + base64.b64encode(patient.arrays[picture].tobytes()).decode("ascii")
    return f'<div><img src="{address}" alt="{label}"><small>{label}</small></div>'
