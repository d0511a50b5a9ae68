"""The left atrium is shown to the model below the ventricle, in apical views only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cases import noise, untrained
from scipy import ndimage

from echoapex.cine import BoolMask
from echoapex.inference.atrium_place import atrium_place
from echoapex.inference.encoding import EncodedCine
from echoapex.inference.segmentation import segment_frame, segment_structures
from echoapex.models.model_loading import LoadedModel
from echoapex.models.prompt_segmenter import PromptBatch
from echoapex.prompts import Prompt
from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.vendor_looks import TRAINING


def ellipse(tilt: float, length: float = 80, width: float = 40) -> BoolMask:
    """A ventricle around the middle of a square picture, its base turned ``tilt`` degrees to the left."""
    rows, columns = np.indices((161, 161)) - 80.0
    angle = np.radians(tilt)
    along = rows * np.cos(angle) - columns * np.sin(angle)
    across = rows * np.sin(angle) + columns * np.cos(angle)
    return np.asarray((along / (length / 2)) ** 2 + (across / (width / 2)) ** 2 <= 1)


@given(st.floats(-60, 60))
@settings(max_examples=25)
def test_the_place_lies_beyond_the_base_on_the_axis(tilt: float) -> None:
    place = atrium_place(ellipse(tilt))
    assert place is not None
    angle = np.radians(tilt)
    # Half of the ventricle and its 0.155, less the percentiles of an ellipse; 0.03 beside.
    along = (place - 80) @ np.array([-np.sin(angle), np.cos(angle)])
    across = (place - 80) @ np.array([np.cos(angle), np.sin(angle)])
    assert along == pytest.approx(48.0, abs=2) and across == pytest.approx(2.2, abs=1)


@pytest.mark.parametrize("view", ["A4C", "A2C", "A3C"])
def test_the_place_lies_in_the_atrium_of_simulated_hearts(view: str) -> None:
    hits = []
    for seed in range(6):
        clip = simulate_clip(draw_case("hard", 640_000 + seed), view, beats=0.1, max_frames=1, sampling=TRAINING)
        place = atrium_place(clip.labels(0) == Tissue.LV)
        assert place is not None
        near = ndimage.binary_dilation(clip.labels(0) == Tissue.LA, iterations=3)
        hits.append(near[round(float(place[1])), round(float(place[0]))])
    assert sum(hits) >= 5


def test_without_a_ventricle_there_is_no_place() -> None:
    nothing = np.zeros((160, 160), bool)
    nothing[3:5, 3:5] = True
    assert atrium_place(nothing) is None and atrium_place(np.zeros((160, 160), bool)) is None


def asked_of(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch, views: Mapping[str, float], names: Sequence[str]
) -> list[PromptBatch]:
    """The prompts that the network gets when ``names`` are asked for where it tells these ``views`` in each frame."""
    told = torch.tensor([[views.get(view, 0.0) for view in model.card.views]])
    monkeypatch.setattr("echoapex.inference.prompt_decoding._views", lambda _, shown: told.expand(len(shown.cls), -1))
    real, seen = model.model.decode, []

    def decode(*args: object, **given: object) -> object:
        seen.append(args[2])
        return real(*args, **given)

    monkeypatch.setattr(model.model, "decode", decode)
    segment_structures(model, EncodedCine(model, noise(3)), names)
    return seen


@pytest.mark.parametrize("names", [["LA"], ["LV", "LA"], ["LA", "LV"]])
@pytest.mark.parametrize(
    ("views", "apical"),
    [
        ({"A4C": 1.0}, True),
        ({"PLAX": 1.0}, False),
        # A heart unlike those that the model has learned.
        ({"OTHER": 0.7, "A4C": 0.2, "PLAX": 0.1}, True),
        ({"OTHER": 0.7, "A4C": 0.1, "PLAX": 0.2}, False),
    ],
)
def test_the_atrium_is_pointed_at_in_apical_views_alone(
    monkeypatch: pytest.MonkeyPatch, views: Mapping[str, float], apical: bool, names: list[str]
) -> None:
    model = untrained()
    seen = asked_of(model, monkeypatch, views, names)
    # With a box, too, it is the second look at what was found.
    pointed = [batch for batch in seen if batch.labels.numel() and not batch.has_box.any()]
    assert bool(pointed) == apical
    atrium = list(model.card.structures).index("LA") + 1
    assert all(bool((batch.text == atrium).all()) for batch in pointed)


def test_together_and_alone_the_atrium_is_found_alike() -> None:
    model, cine = untrained(), noise(3)
    alone = segment_frame(model, cine, 1, [Prompt(structure="LA")])
    beside = segment_frame(model, cine, 1, [Prompt(structure="LV"), Prompt(structure="LA")])
    assert np.array_equal(alone.masks[0], beside.masks[1])
    assert alone.confidence[0] == pytest.approx(beside.confidence[1], abs=1e-5)
