"""Masks carried by motion joined with those found by name: as far as they mean the same, and on a real heart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from io_writers import real
from model_cases import shipped_model
from scipy import ndimage

from echoapex.cine import BoolMask, Cine
from echoapex.evaluation.bootstrap_scores import dice
from echoapex.inference.carrying import DRAWN, carry
from echoapex.inference.encoding import EncodedCine
from echoapex.inference.propagation import carry_masks
from echoapex.inference.propagation_fusion import AGREE, DISAGREE, agreement, joined
from echoapex.inference.segmentation import Segmentation, segment_structures
from echoapex.io import read_cine
from echoapex.models.model_loading import LoadedModel
from echoapex.prompts import PointPrompt, Prompt
from echoapex.session import Session

LV = PointPrompt(352.0, 200.0)
"""In the left ventricle of the first frame of the long real cine."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return shipped_model(tmp_path_factory.mktemp("no-models"))


@pytest.fixture(scope="module")
def cine() -> Cine:
    return read_cine(real("color3d_jpeg_baseline.dcm"))


def disk(radius: float, x: float = 40.0) -> BoolMask:
    rows, columns = np.mgrid[:80, :80]
    return (rows - 40) ** 2 + (columns - x) ** 2 <= radius**2


def one(mask: BoolMask, sure: float = 1.0) -> Segmentation:
    return Segmentation(mask[None], np.array([sure], np.float32))


@given(st.integers(0, 10_000), st.floats(0, 5), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_joined_mask_lies_between_both(seed: int, away: float, agreed: float, first: float, second: float) -> None:
    rng = np.random.default_rng(seed)
    here, there = (ndimage.uniform_filter(rng.random((30, 40)), 5) > 0.5 for _ in range(2))
    found = joined(one(here, first), one(there, second), np.exp([-away]), agreed)
    assert not np.any(found.masks[0] & ~(here | there)) and not np.any(here & there & ~found.masks[0])
    assert -1e-6 <= found.confidence[0] <= max(first, second) + 1e-6


def test_borders_move_by_the_weights() -> None:
    small, large = disk(30), disk(33)
    radii = [
        np.sqrt(joined(one(small, sure), one(large, 1.0), np.array([0.5]), 1.0).masks.sum() / np.pi)
        for sure in (1.0, 0.5, 0.25)
    ]
    assert radii[0] == pytest.approx(31.5, abs=0.3) and radii == sorted(radii) and radii[-1] < 33


def test_far_away_the_name_decides_and_without_agreement_it_never_does() -> None:
    here, there = disk(20), disk(21, 41.0)
    assert np.array_equal(joined(one(here), one(there, 0.9), np.array([0.0]), 1.0).masks[0], there)
    assert np.array_equal(joined(one(here), one(there, 0.9), np.array([0.6]), 0.0).masks[0], here)
    nothing = np.zeros_like(here)
    assert not joined(one(nothing), one(nothing), np.array([1.0]), 1.0).masks.any()
    # What is lost to motion is found again by name, and what the model does not see is kept near what was drawn.
    assert np.array_equal(joined(one(nothing, 0.1), one(there, 0.9), np.array([0.1]), 1.0).masks[0], there)
    assert np.array_equal(joined(one(here, 1.0), one(nothing, 0.1), np.array([0.9]), 1.0).masks[0], here)


def test_a_name_that_finds_something_else_in_a_frame_does_not_count_there() -> None:
    """Even far from masks by hand, where it may decide: on the other side of the heart it is wrong."""
    here, other = disk(15, 20.0), disk(15, 60.0)
    assert np.array_equal(joined(one(here, 0.5), one(other, 1.0), np.array([0.0]), 1.0).masks[0], here)


def test_agreement_is_that_of_the_masks() -> None:
    lv, ring = disk(20), disk(30) & ~disk(20)
    assert agreement([lv], [lv]) == 1.0 and agreement([ring], [lv]) == 0.0
    part = disk(17)
    assert DISAGREE < dice(part, lv) < AGREE and 0 < agreement([part], [lv]) < 1


def test_a_clicked_ventricle_of_a_real_heart_fills_further_than_by_motion_alone(model: LoadedModel, cine: Cine) -> None:
    session = Session(model, cine)
    session.segment(0, Prompt(points=(LV,)), "LV")
    session.propagate("LV")
    by_name = segment_structures(model, cine, ["LV"], steady=True)["LV"].masks.sum(axis=(1, 2))
    by_motion = carry_masks(cine, {0: session.mask(0, "LV")}).masks.sum(axis=(1, 2))
    found = session.masks("LV").sum(axis=(1, 2))
    full = by_name > np.percentile(by_name, 80)
    assert np.median(found[full] / by_motion[full]) > 1.02 and np.median(found[full] / by_name[full]) < 1.05
    assert abs(found[1] - by_motion[1]) < 0.08 * by_motion[1], "beside the click the border hardly jumps"


def test_what_the_name_does_not_mean_is_carried_as_if_without_a_name(model: LoadedModel, cine: Cine) -> None:
    """A person draws something else and calls it LV: nothing of the ventricle comes in."""
    session = Session(model, cine)
    drawn = np.zeros((cine.rows, cine.columns), bool)
    drawn[300:340, 300:380] = True
    session.edit(0, drawn, "LV")
    session.propagate("LV", range(1, 12))
    expected = carry(EncodedCine(model, cine), {0: drawn}, range(1, 12), {0: DRAWN}).masks[4]
    assert dice(session.mask(5, "LV"), expected) > 0.99
