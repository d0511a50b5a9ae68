"""One clip from masks to numbers: what is looked for, what is measured, and what is said where it is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from report_cases import CARD, simulated, true_masks, true_result

from echoapex.clips import analyze_clip, measure_clip
from echoapex.errors import ModelError, ReadError
from echoapex.models.segmenter import create_segmenter
from echoapex.models.store import LoadedModel, load_model, save_model
from echoapex.segmenting import Segmentation


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A model with random weights: what it outlines is arbitrary, how it is used is not."""
    torch.manual_seed(2)
    folder = tmp_path_factory.mktemp("model") / CARD.id
    save_model(folder, create_segmenter("vit_tiny", 16, 64, text_count=len(CARD.structures)), CARD)
    return load_model(folder, device="cpu")


def test_true_outlines_give_the_true_ejection_fraction() -> None:
    result = true_result("A4C")
    assert result.lv is not None and result.refusal is None
    ef = next(item for item in result.lv.measurements if (item.name, item.method) == ("LVEF", "A4C"))
    assert ef.value == pytest.approx(100 * simulated("A4C").heart.shape.ef, abs=4)
    assert 0.9 <= ef.confidence <= 0.97


@pytest.mark.parametrize(("view", "wanted"), [("A2C", {"LV", "LV_MYO", "LA"}), ("PLAX", set(CARD.structures))])
def test_only_what_a_view_shows_is_looked_for(model: LoadedModel, view: str, wanted: set[str]) -> None:
    cine = simulated("A4C").cine()
    cine = replace(cine, frames=cine.frames[:2], times=replace(cine.times, seconds=cine.times.seconds[:2]))
    result = analyze_clip(model, cine, "clip", view)
    said = " ".join(result.warnings)
    names = {"LV": "Left ventricle cavity", "LV_MYO": "myocardium", "LA": "Left atrium"}
    names |= {"RV": "Right ventricle", "RA": "Right atrium"}
    looked_for = {name for name in names if name in result.segmentations or names[name] in said}
    assert looked_for == wanted
    assert all(item.masks.shape == cine.frames.shape for item in result.segmentations.values())


def test_a_model_that_knows_nothing_of_the_view_is_refused(model: LoadedModel) -> None:
    other = replace(model, card=replace(model.card, structures=("AO",)))
    with pytest.raises(ModelError, match=r"knows nothing that is seen in A4C; it knows AO"):
        analyze_clip(other, simulated("A4C").cine(), "clip", "A4C")


def test_a_file_that_is_no_cine_is_refused(model: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"no such file"):
        analyze_clip(model, tmp_path / "none.dcm", "clip", "A4C")


def test_without_a_left_ventricle_the_clip_says_why() -> None:
    cine = simulated("A4C").cine()
    empty = Segmentation(np.zeros(cine.frames.shape, bool), np.full(cine.frame_count, 0.1, np.float32))
    result = measure_clip(cine, "clip", "A4C", {"LV": empty, "LA": true_masks("A4C")["LA"]})
    assert result.lv is None and set(result.segmentations) == {"LA"}
    assert "no left ventricle" in str(result.refusal)
    assert "Left ventricle cavity: not found in any frame" in result.warnings


def test_a_view_without_formulas_is_outlined_and_not_measured() -> None:
    result = measure_clip(simulated("A4C").cine(), "clip", "PLAX", true_masks("A4C"))
    assert result.lv is None and len(result.segmentations) == 5
    assert "A4C, A2C" in str(result.refusal) and "PLAX" in str(result.refusal)
    assert "The file calls this view A4C, and it was analyzed as PLAX" in result.warnings


def test_doubts_about_outlines_are_said() -> None:
    cine, truth = simulated("A4C").cine(), true_masks("A4C")
    atrium = truth["LA"].masks.copy()
    atrium[[3, 4]] = False
    unsure = truth["LV"].confidence.copy()
    unsure[7] = 0.42
    found = {"LV": Segmentation(truth["LV"].masks, unsure), "LA": Segmentation(atrium, truth["LA"].confidence)}
    warnings = measure_clip(cine, "clip", "A4C", found).warnings
    assert f"Left atrium: not found in 2 of {cine.frame_count} frames" in warnings
    assert any("predicted Dice down to 0.42 in frame 7" in text for text in warnings)
    assert not any("unsure" in text for text in true_result("A4C").warnings)


def test_measuring_is_the_same_each_time() -> None:
    again = measure_clip(simulated("A4C").cine(), "A4C", "A4C", true_masks("A4C"))
    assert again.lv is not None and true_result("A4C").lv is not None
    assert again.lv.measurements == true_result("A4C").lv.measurements
