"""Small simulated clips whose outlines are the truth, and reports of them, for the tests that need no model."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import model_cases
import numpy as np

from echoapex.analysis.clip_analysis import ClipResult, measure_clip
from echoapex.analysis.study_measurements import summarize
from echoapex.analysis.view_structures import VIEW_STRUCTURES, WALL_VIEW
from echoapex.cine import FrameTimes, Scale
from echoapex.inference.segmentation import Segmentation
from echoapex.landmarks import Landmarks
from echoapex.patient import Patient
from echoapex.report import StudyReport, Truth, TruthValue
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.vendor_looks import TRAINING

SEED = 900_901

CARD = replace(
    model_cases.CARD,
    structures=("LV", "LV_MYO", "LA", "RV", "RA", "AO"),
    views=(),
    view_threshold=0.0,
    landmarks=(),
    weights_sha256="ab" * 32,
)
"""A model without heads."""

VIEWS = ("A4C", "A2C", "PLAX")


@cache
def simulated(view: str, seed: int = SEED) -> SimulatedClip:
    """A little more than one beat, small and coarse."""
    case = draw_case("easy", seed)
    return simulate_clip(case, view, rows=150, columns=200, sampling=TRAINING, beats=1.4, max_frames=32)


@cache
def true_masks(view: str, seed: int = SEED) -> dict[str, Segmentation]:
    clip = simulated(view, seed)
    labels = np.stack([clip.labels(frame) for frame in range(len(clip.frames))])
    sure = np.linspace(0.97, 0.9, len(labels), dtype=np.float32)
    return {name: Segmentation(labels == Tissue[name], sure) for name in VIEW_STRUCTURES[view]}


def true_landmarks(view: str, seed: int = SEED) -> Landmarks | None:
    """Where the walls truly are, known to a pixel; None in views without walls."""
    truth = simulated(view, seed).landmarks()
    return replace(truth, sigma_px=truth.sigma_px + 1.0) if view == WALL_VIEW else None


@cache
def true_result(view: str) -> ClipResult:
    cine, landmarks = simulated(view).cine(), true_landmarks(view)
    return measure_clip(cine, view, view, true_masks(view), landmarks, origin="simulated for a test")


@cache
def unscaled_result() -> ClipResult:
    """The A4C clip as if it were real, without scale and frame times."""
    cine = replace(
        simulated("A4C").cine(), scale=Scale.none("no region"), times=FrameTimes.unknown("no rate"), simulated=False
    )
    return measure_clip(cine, "real", "A4C", {"LV": true_masks("A4C")["LV"]})


def report(*clips: ClipResult, **changes: object) -> StudyReport:
    """A report of these clips with the truth of the simulated heart, measured as a study is."""
    heart = draw_case("easy", SEED).heart()
    known = [clip for clip in clips if clip.cine.simulated and clip.view in VIEWS]
    truth = Truth(
        (
            TruthValue("LVEDV", "direct", heart.edv_ml, "mL"),
            TruthValue("LVEF", "direct", 100 * heart.shape.ef, "%"),
            TruthValue("IVSd", "direct", heart.shape.ivsd_mm, "mm"),
        ),
        {clip.id: simulated(clip.view).volumes_ml() for clip in known},
        {clip.id: {"LV": 1.0} for clip in known},
    )
    patient = changes.get("patient")
    assert patient is None or isinstance(patient, Patient)
    summary = summarize(clips, patient)
    fields = {
        "title": "A report",
        "model": CARD,
        "clips": clips,
        "measurements": summary.measurements,
        "not_measured": summary.not_measured,
        "notes": summary.notes,
        "biplane": summary.biplane,
        "truth": truth,
    }
    return StudyReport(**(fields | changes))
