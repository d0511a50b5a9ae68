"""Simulated hearts with exact truth, cut into standard views and imaged as ultrasound."""

from .pathologies import PATHOLOGIES
from .presets import PRESETS, TEST_SEEDS, Case, draw_case
from .simulated_clip import SimulatedClip, simulate_clip
from .simulated_study import write_study
from .view_planes import VIEWS

__all__ = [
    "PATHOLOGIES",
    "PRESETS",
    "TEST_SEEDS",
    "VIEWS",
    "Case",
    "SimulatedClip",
    "draw_case",
    "simulate_clip",
    "write_study",
]
