"""The shipped model; and a small untrained one with heads and a cine, for the tests that need no trained one."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from echoapex.cine import Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from echoapex.models.model_card import OTHER, Architecture, ModelCard, Training
from echoapex.models.model_loading import LoadedModel, load_model
from echoapex.models.preprocessing import Preprocessing
from echoapex.models.prompt_segmenter import create_segmenter
from echoapex.models.view_and_landmark_heads import Heads

CARD = ModelCard(
    id="tiny-test",
    name="A model for tests",
    architecture=Architecture("vit_tiny", 16, 64),
    preprocessing=Preprocessing(64),
    structures=("LV", "LA"),
    training=Training("none", 7, "nothing", "none", 0.0, 0),
    simulated_only=True,
    code_license="Apache-2.0",
    weights_license="Apache-2.0",
    scores={},
    created="2026-01-01T00:00:00+00:00",
    limits="For tests only.",
    views=("A4C", "PLAX", OTHER),
    view_threshold=0.5,
    landmarks=("IVS-LV", "PW-LV"),
)


@cache
def untrained() -> LoadedModel:
    torch.manual_seed(6)
    model = create_segmenter("vit_tiny", 16, 64, text_count=len(CARD.structures)).eval()
    heads = Heads(model.encoder.embed_dim, len(CARD.views), len(CARD.landmarks)).eval()
    assert heads.landmarks is not None
    with torch.no_grad():
        # Without training a heat map is nearly flat, and its highest place says nothing.
        heads.landmarks.out.weight *= 50
    return LoadedModel(model, CARD, Path("nowhere"), torch.device("cpu"), "a test", heads, None)


@cache
def noise(frames: int = 20, rows: int = 50, columns: int = 70) -> Cine:
    """Frames that all differ, 30 in a second, with a sector smaller than the frame and pixels that are not square."""
    pixels = np.random.default_rng(frames).integers(0, 256, (frames, rows, columns), dtype=np.uint8)
    mask = np.zeros((rows, columns), bool)
    mask[4:-3, 10:-5] = True
    return Cine(
        pixels,
        FrameTimes(np.arange(frames) / 30.0, TimeSource.USER),
        Scale((0.5, 0.4), ScaleSource.USER),
        Sector.from_mask(mask, "region"),
    )


def shipped_model(no_models: Path) -> LoadedModel:
    """The shipped one on the CPU, whatever the user's choice is; ``no_models`` is an empty folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHOAPEX_MODELS", str(no_models))
        return load_model(device="cpu")
