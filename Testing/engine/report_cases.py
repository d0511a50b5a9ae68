"""Small simulated clips whose outlines are the truth, and reports of them, for the tests that need no model."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from echoapex.cine import FrameTimes, Scale
from echoapex.clips import VIEW_STRUCTURES, ClipResult, measure_clip
from echoapex.measure.biplane import measure_biplane
from echoapex.models.card import Architecture, ModelCard, Training
from echoapex.models.preprocess import Preprocessing
from echoapex.report import ReportContent, Truth, TruthValue
from echoapex.segmenting import Segmentation
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.looks import TRAINING

SEED = 900_901

CARD = ModelCard(
    id="tiny-test",
    name="A model for tests",
    architecture=Architecture("vit_tiny", 16, 64),
    preprocessing=Preprocessing(64),
    structures=("LV", "LV_MYO", "LA", "RV", "RA"),
    training=Training("none", 7, "nothing", "none", 0.0, 0),
    simulated_only=True,
    code_license="Apache-2.0",
    weights_license="Apache-2.0",
    scores={},
    created="2026-01-01T00:00:00+00:00",
    limits="For tests only.",
    weights_sha256="ab" * 32,
)


@cache
def simulated(view: str) -> SimulatedClip:
    """A little more than one beat, small and coarse."""
    case = draw_case("easy", SEED)
    return simulate_clip(case, view, rows=150, columns=200, sampling=TRAINING, beats=1.4, max_frames=32)


@cache
def true_masks(view: str) -> dict[str, Segmentation]:
    clip = simulated(view)
    labels = np.stack([clip.labels(frame) for frame in range(len(clip.frames))])
    sure = np.linspace(0.97, 0.9, len(labels), dtype=np.float32)
    return {name: Segmentation(labels == Tissue[name], sure) for name in VIEW_STRUCTURES[view]}


@cache
def true_result(view: str) -> ClipResult:
    return measure_clip(simulated(view).cine(), view, view, true_masks(view), origin="simulated for a test")


@cache
def unscaled_result() -> ClipResult:
    """The A4C clip as if it were real, without scale and frame times."""
    cine = replace(
        simulated("A4C").cine(), scale=Scale.none("no region"), times=FrameTimes.unknown("no rate"), simulated=False
    )
    return measure_clip(cine, "real", "A4C", {"LV": true_masks("A4C")["LV"]})


def report(*clips: ClipResult, **changes: object) -> ReportContent:
    """A report of these clips with the truth of the simulated heart; biplane where both views are there."""
    views = {clip.view: clip.lv for clip in clips if clip.cine.simulated and clip.lv is not None}
    biplane = measure_biplane(views["A4C"], views["A2C"]) if {"A4C", "A2C"} <= set(views) else ()
    heart = draw_case("easy", SEED).heart()
    known = [clip for clip in clips if clip.cine.simulated and clip.view in VIEW_STRUCTURES]
    truth = Truth(
        (TruthValue("LVEDV", "direct", heart.edv_ml, "mL"), TruthValue("LVEF", "direct", 100 * heart.shape.ef, "%")),
        {clip.id: simulated(clip.view).volumes_ml() for clip in known},
        {clip.id: {"LV": 1.0} for clip in known},
    )
    fields = {
        "title": "A report",
        "model": CARD,
        "clips": clips,
        "measurements": (*biplane, *(item for clip in clips if clip.lv is not None for item in clip.lv.measurements)),
        "truth": truth,
    }
    return ReportContent(**(fields | changes))
