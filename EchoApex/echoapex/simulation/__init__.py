"""Simulated hearts with exact truth, cut into standard views and imaged as ultrasound."""

from .clip import SimulatedClip, simulate_clip
from .pathologies import PATHOLOGIES
from .presets import PRESETS, TEST_SEEDS, Case, draw_case
from .study import write_study
from .views import VIEWS

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
