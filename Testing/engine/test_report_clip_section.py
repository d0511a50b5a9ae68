"""One clip from masks to numbers: what is looked for, what is measured, and what is said where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from report_cases import CARD, simulated, true_masks, true_result
from scipy import ndimage

from echoapex.analysis.clip_analysis import analyze_clip, measure_clip
from echoapex.analysis.clip_view import FoundView, find_view
from echoapex.cine import Cine, Mode
from echoapex.errors import ModelError
from echoapex.inference.packed_masks import PackedSegmentations
from echoapex.inference.segmentation import Segmentation
from echoapex.inference.view_classification import ViewEstimate
from echoapex.inference.view_outlines_landmarks import ModelObserver
from echoapex.landmarks import WALL_LANDMARKS, Landmarks
from echoapex.models.model_loading import LoadedModel, load_model, save_model
from echoapex.models.prompt_segmenter import create_segmenter
from echoapex.models.view_and_landmark_heads import Heads


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    """A model with random weights and heads: what it finds is arbitrary, how it is used is not."""
    torch.manual_seed(2)
    views = ("A4C", "A2C", "OTHER")
    segmenter = create_segmenter("vit_tiny", 16, 64, text_count=len(CARD.structures))
    heads = Heads(segmenter.encoder.embed_dim, len(views), len(WALL_LANDMARKS))
    folder = tmp_path_factory.mktemp("model") / CARD.id
    save_model(folder, segmenter, replace(CARD, views=views, landmarks=WALL_LANDMARKS), heads)
    return load_model(folder, device="cpu")


def test_true_outlines_give_the_true_ejection_fraction() -> None:
    result = true_result("A4C")
    assert result.lv is not None and result.refusal is None
    ef = next(item for item in result.lv.measurements if (item.name, item.method) == ("LVEF", "A4C"))
    assert ef.value == pytest.approx(100 * simulated("A4C").heart.shape.ef, abs=4)
    assert 0.9 <= ef.confidence <= 0.97


class Spy:
    """An observer that notes what it is asked for, and finds nothing."""

    def __init__(self, cine: Cine, estimate: ViewEstimate | None = None) -> None:
        self.cine, self.estimate, self.names, self.asked_for_landmarks = cine, estimate, (), False

    def view(self) -> ViewEstimate | None:
        return self.estimate

    def outlines(self, names: Sequence[str]) -> dict[str, Segmentation]:
        self.names = tuple(names)
        empty = np.zeros(self.cine.frames.shape, bool)
        return {name: Segmentation(empty, np.zeros(len(empty), np.float32)) for name in names}

    def landmarks(self) -> Landmarks | None:
        self.asked_for_landmarks = True
        return None


def short(**changes: object) -> Cine:
    """Two frames of a clip whose header names no view."""
    cine = simulated("A4C").cine()
    times = replace(cine.times, seconds=cine.times.seconds[:2])
    return replace(cine, **{"frames": cine.frames[:2], "times": times, "view": None, **changes})


@pytest.mark.parametrize(
    ("view", "wanted"),
    [
        ("A2C", {"LV", "LV_MYO", "LA"}),
        ("PLAX", {"LV", "LV_MYO", "LA", "RV", "AO"}),
        ("PSAX_MV", {"LV", "LV_MYO", "RV"}),
    ],
)
def test_only_what_a_view_shows_is_looked_for(view: str, wanted: set[str]) -> None:
    spy = Spy(short())
    analyze_clip(spy, CARD.structures, spy.cine, "clip", FoundView(view))
    assert set(spy.names) == wanted
    assert spy.asked_for_landmarks == (view == "PLAX")


def test_nothing_is_looked_for_that_the_model_does_not_know() -> None:
    spy = Spy(short())
    analyze_clip(spy, ("LA", "KIDNEY"), spy.cine, "clip", FoundView("A4C"))
    assert spy.names == ("LA",)
    with pytest.raises(ModelError, match=r"knows nothing that is seen in A4C; it knows AO"):
        analyze_clip(spy, ("AO",), spy.cine, "clip", FoundView("A4C"))


@pytest.mark.parametrize(
    ("changes", "view", "word", "failed"),
    [
        ({"mode": Mode.COLOR}, "A4C", "color", False),
        ({"mode": Mode.DOPPLER}, "UNKNOWN", "Doppler", False),
        ({"image_count": 2}, "UNKNOWN", "side by side", False),
        ({}, "OTHER", "OTHER", False),
        ({}, "SSN", "SSN", False),
        ({}, "UNKNOWN", "not known", True),
    ],
)
def test_what_cannot_be_used_is_not_even_looked_at(changes: dict, view: str, word: str, failed: bool) -> None:
    spy = Spy(short(**changes))
    result = analyze_clip(spy, CARD.structures, spy.cine, "clip", FoundView(view))
    assert spy.names == () and not result.segmentations and not result.measurements
    reason = result.refusal if failed else result.not_measured[0]
    assert word in str(reason) and (result.refusal is not None) == failed


def estimated(view: str, probability: float = 0.97) -> ViewEstimate:
    known = dict.fromkeys(("A4C", "A2C", "PLAX", "OTHER"), 0.0)
    return ViewEstimate(view, probability, known | {view: probability}, "looks like it")


@pytest.mark.parametrize(
    ("given", "recognized", "header", "expected"),
    [
        ("A2C", estimated("A4C"), "PLAX", ("A2C", "user", None)),
        (None, estimated("A4C"), "PLAX", ("A4C", "recognized", 0.97)),
        (None, estimated("UNKNOWN", 0.3), "PLAX", ("PLAX", "header", None)),
        (None, None, "PLAX", ("PLAX", "header", None)),
        (None, estimated("UNKNOWN", 0.3), None, ("UNKNOWN", "unknown", 0.3)),
        (None, None, None, ("UNKNOWN", "unknown", None)),
        # What the model has never seen it takes for something that it has.
        (None, estimated("A4C"), "A4C_RV", ("A4C_RV", "header", None)),
        (None, estimated("OTHER"), "SSN", ("SSN", "header", None)),
    ],
)
def test_who_names_the_view(given: str | None, recognized: object, header: str | None, expected: tuple) -> None:
    cine = short(view=header)
    found = find_view(Spy(cine, recognized), cine, given)
    assert (found.name, found.source.value, found.probability) == expected
    assert bool(found.warnings) == (header is not None and recognized is not None)
    assert (found.name == "UNKNOWN") == (header is None and bool(found.reason))


def test_a_trace_is_not_put_before_the_model() -> None:
    class Refuses(Spy):
        def view(self) -> ViewEstimate | None:
            raise AssertionError("a trace has no view to recognize")

    cine = short(mode=Mode.M_MODE)
    assert find_view(Refuses(cine), cine).name == "OTHER"


def test_a_model_encodes_each_frame_once_for_all_that_is_asked(model: LoadedModel) -> None:
    encoded: list[int] = []
    network = model.model.encode
    model.model.encode = lambda images: encoded.append(len(images)) or network(images)
    try:
        observer = ModelObserver(model, short())
        estimate, landmarks = observer.view(), observer.landmarks()
        outlines = observer.outlines(["LV", "LA"])
    finally:
        del model.model.encode
    assert sum(encoded) == 2
    assert estimate is not None and set(estimate.probabilities) == set(model.card.views)
    assert landmarks is not None and landmarks.points.shape == (2, 4, 2)
    assert set(outlines) == {"LV", "LA"}


def test_a_model_without_heads_says_nothing_of_views_and_walls(model: LoadedModel) -> None:
    bare = replace(model, card=replace(model.card, views=(), landmarks=()))
    observer = ModelObserver(bare, short())
    assert observer.view() is None and observer.landmarks() is None


def test_without_a_left_ventricle_the_clip_says_why() -> None:
    cine = simulated("A4C").cine()
    empty = Segmentation(np.zeros(cine.frames.shape, bool), np.full(cine.frame_count, 0.1, np.float32))
    result = measure_clip(cine, "clip", "A4C", {"LV": empty, "LA": true_masks("A4C")["LA"]})
    assert result.lv is None and set(result.segmentations) == {"LA"}
    assert "no left ventricle" in str(result.refusal)
    assert "Left ventricle cavity: not found in any frame" in result.warnings


def test_a_heart_rate_in_the_file_that_is_not_that_of_the_beats_is_said_at_each_number() -> None:
    clip = simulated("A4C")
    cine, rate = clip.cine(), clip.heart.shape.heart_rate
    for stated, doubted in ((rate, False), (2 * rate, True), (None, False)):
        told = replace(cine, heart_rate=stated)
        result = measure_clip(told, "clip", "A4C", true_masks("A4C"))
        assert any(f"a heart rate of {2 * rate:.0f}/min" in text for text in result.warnings) == doubted
        assert result.measurements
        for item in result.measurements:
            assert item.name == "LAV" or any("beats or frame times may be wrong" in t for t in item.warnings) == doubted


def test_a_view_without_formulas_is_outlined_and_not_measured() -> None:
    result = measure_clip(simulated("A4C").cine(), "clip", "A5C", true_masks("A4C"))
    assert not result.measurements and len(result.segmentations) == 5
    assert "A5C" in str(result.not_measured[0]) and result.refusal is None
    assert "The file calls this view A4C, and it was analyzed as A5C" in result.warnings


def test_plax_without_landmarks_says_that_there_are_no_walls() -> None:
    result = measure_clip(simulated("PLAX").cine(), "clip", "PLAX", true_masks("PLAX"))
    assert result.walls is None and "no landmarks" in str(result.not_measured[0])


def test_true_landmarks_give_the_true_walls() -> None:
    result, shape = true_result("PLAX"), simulated("PLAX").heart.shape
    assert result.walls is not None and result.refusal is None and result.beats
    found = {item.name: item.value for item in result.measurements}
    for name, true in (("IVSd", shape.ivsd_mm), ("LVIDd", shape.lvidd_mm), ("LVPWd", shape.lvpwd_mm)):
        assert found[name] == pytest.approx(true, abs=1.0)


def test_the_atrium_is_measured_beside_the_ventricle() -> None:
    result = true_result("A4C")
    assert result.atrium is not None
    assert {item.name for item in result.measurements} >= {"LVEF", "LAV"}
    assert measure_clip(simulated("A4C").cine(), "clip", "A4C", {"LV": true_masks("A4C")["LV"]}).atrium is None


def test_packed_masks_are_the_masks() -> None:
    truth = true_masks("A4C")
    packed = PackedSegmentations(truth)
    assert list(packed) == list(truth) and len(packed) == len(truth)
    for name, item in truth.items():
        assert packed[name].masks.dtype == bool and np.array_equal(packed[name].masks, item.masks)
        assert np.array_equal(packed[name].confidence, item.confidence)


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


def test_a_doubtful_view_or_outline_is_said_at_each_number() -> None:
    cine, truth = replace(simulated("A4C").cine(), view="A2C"), true_masks("A4C")
    poor = Segmentation(truth["LV"].masks, np.full(cine.frame_count, 0.5, np.float32))
    result = measure_clip(cine, "clip", "A4C", {"LV": poor, "LA": truth["LA"]})
    assert result.lv is not None
    for name in ("LVEF", "LVEDV", "LAV"):
        items = [item for item in result.measurements if item.name == name]
        assert items and all(any("calls this view A2C" in text for text in item.warnings) for item in items)
    assert all(any("unsure" in text for text in item.warnings) for item in result.lv.measurements)
    assert len(set(result.warnings)) == len(result.warnings)


def test_measuring_is_the_same_each_time() -> None:
    again = measure_clip(simulated("A4C").cine(), "A4C", "A4C", true_masks("A4C"))
    assert again.lv is not None and true_result("A4C").lv is not None
    assert again.lv.measurements == true_result("A4C").lv.measurements


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), density=st.floats(0.05, 0.95), blur=st.floats(0, 4))
def test_whatever_a_model_outlines_the_clip_has_a_result(seed: int, density: float, blur: float) -> None:
    rng = np.random.default_rng(seed)
    cine = simulated("A4C").cine()
    cine = replace(cine, frames=cine.frames[:8], times=replace(cine.times, seconds=cine.times.seconds[:8]))
    noise = ndimage.gaussian_filter(rng.standard_normal((2, *cine.frames.shape)), (0, blur, blur, blur))
    masks = noise > np.quantile(noise, density)
    sure = rng.random(8).astype(np.float32)
    found = {name: Segmentation(mask, sure) for name, mask in zip(("LV", "LA"), masks)}
    result = measure_clip(cine, "clip", "A4C", found)
    assert result.beats or result.refusal is not None or result.not_measured
    assert all(item.value is None or np.isfinite(item.value) for item in result.measurements)
    points = rng.uniform(0, 200, (8, 4, 2))
    walls = measure_clip(cine, "clip", "PLAX", found, Landmarks(WALL_LANDMARKS, points, rng.uniform(0, 9, (8, 4))))
    assert walls.beats or walls.refusal is not None or walls.not_measured
    assert all(item.value is None or np.isfinite(item.value) for item in walls.measurements)
