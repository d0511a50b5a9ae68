"""The shipped model at work: on a real cine, on hearts it has never seen, and asked in every way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cases import noise, shipped_model, untrained
from pydicom.data import get_testdata_file
from pydicom.examples import get_path
from scipy import ndimage

from echoapex.cine import Cine, FrameTimes
from echoapex.cli import main
from echoapex.errors import PromptError
from echoapex.evaluation.bootstrap_scores import dice
from echoapex.evaluation.trials.all_tasks import examine
from echoapex.evaluation.trials.evaluated_model import ModelSubject
from echoapex.evaluation.trials.simulated_patients import STANDARD, SimulatedPatient
from echoapex.evaluation.trials.whole_clips import APICAL
from echoapex.inference.cine_segmentation import segment_cine
from echoapex.inference.encoding import EncodedCine
from echoapex.inference.mask_pieces import main_pieces
from echoapex.inference.prompt_decoding import MASKS_PER_DECODE
from echoapex.inference.segmentation import (
    segment_frame,
    segment_structures,
)
from echoapex.io import read_cine, read_masks
from echoapex.measure.beats import find_beats
from echoapex.models.model_loading import LoadedModel
from echoapex.prompts import PointPrompt, Prompt
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip, write_study
from echoapex.simulation.heart import Tissue
from echoapex.simulation.vendor_looks import TRAINING

QUICK = replace(STANDARD, beats=0.2, sampling=TRAINING)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return shipped_model(tmp_path_factory.mktemp("no-models"))


@pytest.fixture(scope="module")
def real() -> Cine:
    return read_cine(get_path("ybr_color"))


@pytest.fixture(scope="module")
def clip() -> SimulatedClip:
    return simulate_clip(draw_case("easy", 900_901), "A4C", rows=240, columns=320, beats=1.0, max_frames=16)


def inside_point(mask: np.ndarray) -> PointPrompt:
    y, x = np.unravel_index(np.argmax(ndimage.distance_transform_edt(mask)), mask.shape)
    return PointPrompt(float(x), float(y))


def test_the_shipped_card_tells_scores_on_seen_and_unseen_kinds_of_hearts(model: LoadedModel) -> None:
    assert model.card.simulated_only
    assert (model.folder / "model.safetensors").stat().st_size <= 30_000_000
    presets = {name.split(":")[1]: tables for name, tables in model.card.scores.items()}
    assert set(presets) == {"hard", "shifted"}
    told = (
        *(("segmentation", "dice/LV/text"), ("ef", "ef_biplane_mae"), ("walls", "mae_mm/IVSd")),
        *(("views", "balanced_accuracy"), ("prompts", "click_returns_chamber"), ("beats", "es_error_ms")),
    )
    for tables in presets.values():
        for task, metric in told:
            score = tables[task][metric]
            assert score["ci"][0] <= score["value"] <= score["ci"][1]
            assert score["constant"] is not None


def test_real_cine_has_one_ventricle_that_beats(model: LoadedModel, real: Cine) -> None:
    found = segment_structures(model, real, ["LV"], steady=True)["LV"]
    area = found.masks.sum(axis=(1, 2)).astype(float)
    assert np.all(area > 0)
    assert not np.any(found.masks & ~real.sector.mask)
    assert all(ndimage.label(mask)[1] == 1 for mask in found.masks)
    assert 0.3 <= area.min() / area.max() <= 0.9


def test_area_of_the_real_cine_changes_by_at_most_15_percent_in_all_steps_but_one(
    model: LoadedModel, real: Cine
) -> None:
    area = segment_structures(model, real, ["LV"], steady=True)["LV"].masks.sum(axis=(1, 2)).astype(float)
    change = np.sort(np.abs(np.diff(area)) / area[:-1])
    assert change[-2] <= 0.15


def test_structures_found_together_do_not_overlap(model: LoadedModel, real: Cine) -> None:
    found = segment_structures(model, real, model.card.structures, steady=True)
    alone = {name: segment_structures(model, real, [name], steady=True)[name] for name in ("LV", "RV")}
    assert np.any(alone["LV"].masks & alone["RV"].masks), "asked for alone, they do"
    assert sum(item.masks.astype(int) for item in found.values()).max() == 1


def test_half_precision_of_kept_features_changes_no_mask(
    model: LoadedModel, real: Cine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the network without anything kept in between."""
    names = model.card.structures
    kept = segment_frame(model, real, 0, [Prompt(structure=name) for name in names])
    whole = model.model.encode(EncodedCine(model, real).geometry.prepare(real.frames[:1]))
    monkeypatch.setattr(EncodedCine, "features", lambda *_: whole)
    exact = segment_frame(model, real, 0, [Prompt(structure=name) for name in names])
    for name, one, other in zip(names, kept.masks, exact.masks):
        assert dice(one, other) > 0.995, name
    np.testing.assert_allclose(kept.confidence, exact.confidence, atol=2e-3)


def test_every_frame_and_structure_of_a_batch_gets_its_own_answer(model: LoadedModel, real: Cine) -> None:
    few = EncodedCine(model, replace(real, frames=real.frames[:5], times=FrameTimes.unknown("a test")))
    names = model.card.structures
    assert 5 * len(names) > MASKS_PER_DECODE
    together = segment_structures(model, few, names)
    for frame in range(5):
        alone = segment_frame(model, few, frame, [Prompt(structure=name) for name in names])
        for name, sure in zip(names, alone.confidence):
            assert together[name].confidence[frame] == pytest.approx(sure, abs=1e-4)
        # Where another structure is surer, the ventricle gives way; nothing is added to it but small holes.
        found, by_itself = together["LV"].masks[frame], alone.masks[names.index("LV")]
        assert dice(found, by_itself) > 0.85
        assert np.count_nonzero(found & ~by_itself) <= 0.01 * found.sum()


@pytest.fixture(scope="module")
def periods(model: LoadedModel) -> np.ndarray:
    """Seconds between the systoles of the whole real cine; (beats,)."""
    file = get_testdata_file("color3d_jpeg_baseline.dcm", download=False)
    assert file is not None, "the test environment has pydicom-data"
    cine = read_cine(file)
    found = segment_structures(model, cine, ["LV"], steady=True)["LV"]
    area = found.masks.sum(axis=(1, 2)).astype(float)
    assert np.all(area > 0)
    assert not np.any(found.masks & ~cine.sector.mask)
    assert cine.times.seconds is not None
    # From end-systole to end-systole: end-diastole lies on a plateau and wanders by some frames.
    return np.diff(cine.times.seconds[[beat.es for beat in find_beats(area, cine.times)]])


def test_the_whole_real_cine_beats(periods: np.ndarray) -> None:
    assert periods.size >= 3
    assert np.all((60 / periods >= 40) & (60 / periods <= 180))


@pytest.mark.xfail(
    reason="one of three beats is found 17 % short: the ventricle is drawn too large at end-systole", strict=True
)
def test_the_whole_real_cine_beats_evenly(periods: np.ndarray) -> None:
    assert np.all(np.abs(periods / np.median(periods) - 1) <= 0.15)


def test_named_structures_are_found_on_hearts_never_seen(model: LoadedModel) -> None:
    subject, tasks = ModelSubject(model), ("segmentation", "prompts")
    patients = [examine(subject, SimulatedPatient("hard-1", seed, QUICK), tasks) for seed in range(900_401, 900_404)]
    masks = [t for found in patients for t in found["segmentation"].masks if t.structure == "LV" and t.view in APICAL]
    assert np.mean([trial.dice["text"] for trial in masks]) > 0.8
    assert np.mean([trial.dice["box"] for trial in masks]) > 0.85
    clicks = [click for found in patients for click in found["prompts"].clicks if click.view in APICAL]
    assert np.mean([click.returned for click in clicks]) > 0.8
    assert np.mean([click.returned_zeroed for click in clicks]) < 0.6


def test_a_prompt_on_one_frame_is_carried_both_ways(model: LoadedModel, clip: SimulatedClip) -> None:
    cine, frame = clip.cine(), 7
    for tissue, bar in ((Tissue.LV, 0.8), (Tissue.LA, 0.7)):
        prompt = Prompt(points=(inside_point(clip.labels(frame) == tissue),))
        found = segment_cine(model, cine, prompt, frame)
        reached = [dice(found.masks[k], clip.labels(k) == tissue) for k in (0, 4, 7, 11, 15)]
        assert np.mean(reached) > bar
        assert np.all((found.confidence >= 0) & (found.confidence <= 1))


def test_a_frame_that_alone_goes_wrong_is_outvoted(model: LoadedModel, clip: SimulatedClip) -> None:
    cine = clip.cine()
    frames = cine.frames.copy()
    frames[7] = np.random.default_rng(0).integers(0, 90, frames[7].shape)
    broken = replace(cine, frames=frames)
    truth = clip.labels(7) == Tissue.LV
    alone, steady = (segment_structures(model, broken, ["LV"], steady=s)["LV"].masks[7] for s in (False, True))
    assert dice(alone, truth) < 0.7
    assert dice(steady, truth) > 0.85


def test_a_negative_click_takes_away(model: LoadedModel, clip: SimulatedClip) -> None:
    cine = clip.cine()
    labels = clip.labels(0)
    wide = np.isin(labels, (Tissue.LV, Tissue.LA))
    rows, columns = np.nonzero(wide)
    box = tuple(float(v) for v in (columns.min(), rows.min(), columns.max(), rows.max()))
    positive, negative = inside_point(labels == Tissue.LV), inside_point(labels == Tissue.LA)
    ask = Prompt(box=box, points=(positive, PointPrompt(negative.x, negative.y, positive=False)))
    mask = segment_frame(model, cine, 0, [ask]).masks[0]
    assert not mask[round(negative.y), round(negative.x)]


def test_a_ring_stays_a_ring() -> None:
    y, x = np.mgrid[:60, :60]
    radius = np.hypot(x - 30, y - 30)
    ring = (radius < 20) & (radius > 12)
    assert np.array_equal(main_pieces(ring), ring)
    speckled = (radius < 20) & ~((x == 30) & (y == 30))
    speckled[0, 0] = True
    assert np.array_equal(main_pieces(speckled), radius < 20)
    assert not main_pieces(np.zeros((5, 5), bool)).any()


def test_a_wall_may_be_two_pieces_but_a_crumb_is_none() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:35, 5:10], mask[5:25, 25:30], mask[30:32, 30:32] = True, True, True
    kept = main_pieces(mask, 0.25)
    assert kept[6, 6] and kept[6, 26] and not kept[30, 30]
    assert np.array_equal(np.unique(np.nonzero(main_pieces(mask))[1]), np.arange(5, 10))


def test_clicks_decide_which_pieces_stay() -> None:
    mask = np.zeros((40, 40), bool)
    mask[5:35, 5:10], mask[5:25, 25:30], mask[30:32, 30:32] = True, True, True
    crumb, large = PointPrompt(30.6, 31.2), PointPrompt(7, 20, positive=False)
    assert np.array_equal(main_pieces(mask, 0.25, [crumb]), mask)
    assert not main_pieces(mask, 0.25, [large])[:, :20].any() and main_pieces(mask, 0.25, [large])[:, 20:].any()
    assert main_pieces(mask, 1.0, [large, crumb]).sum() == 4
    # What was clicked both ways stays, and so does all where nothing would be left or no piece is hit.
    assert np.array_equal(main_pieces(mask, 0.25, [large, PointPrompt(6, 30)]), main_pieces(mask, 0.25))
    assert np.array_equal(main_pieces(mask, 1.0, [large]), main_pieces(mask))
    assert np.array_equal(main_pieces(mask, 0.25, [PointPrompt(0, 0), PointPrompt(39, 39)]), main_pieces(mask, 0.25))


def pieces_by_scipy(mask: np.ndarray, least: float) -> np.ndarray:
    """What `main_pieces` is defined as, written with scipy."""
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())[1:]
    kept = np.flatnonzero(sizes >= least * sizes.max()) if least < 1 else [int(np.argmax(sizes))]
    largest = np.isin(labels, np.asarray(kept) + 1)
    holes, count = ndimage.label(ndimage.binary_fill_holes(largest) & ~largest)
    limit = np.count_nonzero(largest) / 20
    small = [hole for hole in range(1, count + 1) if np.count_nonzero(holes == hole) <= limit]
    return np.asarray(largest | np.isin(holes, small))


@given(st.integers(0, 10_000), st.floats(0.3, 0.9), st.sampled_from([0.1, 0.25, 1.0]))
@settings(max_examples=60)
def test_pieces_and_holes_are_those_of_the_definition(seed: int, share: float, least: float) -> None:
    field = ndimage.uniform_filter(np.random.default_rng(seed).random((40, 50)), 5)
    mask = field < np.quantile(field, share)
    assert np.array_equal(main_pieces(mask, least), pieces_by_scipy(mask, least))


def test_prompts_that_do_not_fit_are_refused(model: LoadedModel, clip: SimulatedClip) -> None:
    cine = clip.cine()
    with pytest.raises(PromptError, match="knows by name only LV"):
        segment_cine(model, cine, Prompt(structure="RV_WALL"))
    with pytest.raises(PromptError, match="frames must be 0 to 15"):
        segment_cine(model, cine, Prompt(structure="LV"), frame=16)
    for wrong in (-1, 16):
        with pytest.raises(PromptError, match="frames must be 0 to 15"):
            segment_frame(model, cine, wrong, [Prompt(structure="LV")])
    with pytest.raises(PromptError, match="point must lie"):
        segment_cine(model, cine, Prompt(points=(PointPrompt(400.0, 10.0),)))
    with pytest.raises(PromptError, match="needs a point"):
        segment_cine(model, cine, Prompt())


def test_what_is_wanted_lies_in_the_ultrasound_picture(model: LoadedModel, clip: SimulatedClip) -> None:
    cine = clip.cine()
    assert not cine.sector.mask[:9, :9].any()
    with pytest.raises(PromptError, match=r"wanted must lie in the ultrasound picture \(found: 5, 5\)"):
        segment_cine(model, cine, Prompt(points=(PointPrompt(5.0, 5.0),)))
    with pytest.raises(PromptError, match="box must lie on the ultrasound picture"):
        segment_cine(model, cine, Prompt(box=(1.0, 1.0, 8.0, 8.0)))
    outside = Prompt(structure="LV", points=(PointPrompt(5.0, 5.0, positive=False),))
    assert segment_frame(model, cine, 0, [outside]).masks.any(), "what is not wanted may lie anywhere"


def test_no_structures_give_nothing(model: LoadedModel, clip: SimulatedClip) -> None:
    assert segment_structures(model, clip.cine(), []) == {}


def test_no_prompts_give_no_masks(model: LoadedModel, clip: SimulatedClip) -> None:
    found = segment_frame(model, clip.cine(), 0, [])
    assert found.masks.shape == (0, 240, 320) and found.confidence.shape == (0,)


def test_a_model_may_know_what_the_engine_has_no_words_for(model: LoadedModel, clip: SimulatedClip) -> None:
    names = ("TUMOR", *model.card.structures[1:])
    other = replace(model, card=replace(model.card, structures=names))
    found = segment_frame(other, clip.cine(), 0, [Prompt(structure="TUMOR")])
    expected = segment_frame(model, clip.cine(), 0, [Prompt(structure=model.card.structures[0])])
    assert np.array_equal(found.masks, expected.masks)


def test_segment_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ECHOAPEX_MODELS", str(tmp_path / "no-models"))
    write_study(tmp_path, 900_902, ("A4C",), "easy", {"heart_rate": 75}, rows=150, columns=200)
    source, target = tmp_path / "A4C.dcm", tmp_path / "lv.nrrd"
    assert main(["segment", str(source), "--text", "left ventricle", "--out", str(target), "--json"]) == 0
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    assert record["structure"] == "LV" and len(record["confidence"]) == len(record["area_px"])
    assert "Demonstration model" in printed.err
    masks, cine = read_masks(target), read_cine(source)
    assert masks.masks.shape == cine.frames.shape
    assert masks.mm_per_px == pytest.approx(cine.scale.require())
    assert masks.frame_times_s == pytest.approx(cine.times.seconds)
    assert main(["segment", str(source), "--text", "liver", "--out", str(target)]) == 1
    assert "no structure I know" in capsys.readouterr().err
    assert main(["segment", str(source), "--structure", "AO", "--out", str(target)]) == 0
    said, missing = capsys.readouterr().err, int(np.sum(~read_masks(target).masks.any(axis=(1, 2))))
    assert f"AO was not found in {missing} of {cine.frame_count} frames" in said and missing > 0
    assert f"the masks are in {target}" in said


def test_masks_go_to_nrrd_only_and_that_is_said_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["segment", str(tmp_path / "unread.dcm"), "--structure", "LV", "--out", str(tmp_path / "lv.png")]) == 1
    assert "ends in .nrrd" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_masks_without_a_folder_are_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "none" / "lv.nrrd"
    assert main(["segment", str(tmp_path / "unread.dcm"), "--structure", "LV", "--out", str(target)]) == 1
    assert str(target.parent) in capsys.readouterr().err


def test_what_is_found_by_name_is_looked_at_again_in_its_box(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that says something else about a box: the mean of both answers counts, a lone speck is no part of it."""
    model, asked = untrained(), []

    def decode(features: Any, index: Any, prompts: Any, *, zero_prompts: bool = False) -> tuple[Any, Any]:
        asked.append(prompts)
        logits = torch.full((len(prompts), 32, 32), -1.0)
        for row, boxed in enumerate(prompts.has_box.tolist()):
            logits[row, 10:20, 12:22] = 0.5 if boxed else 2.0
            logits[row, 10:20, 8:12] = 0.5 if boxed else -1.0
            logits[row, 28, 30] = -1.0 if boxed else 0.5
        return logits, torch.where(prompts.has_box, 0.5, 0.9)

    monkeypatch.setattr(model.model, "decode", decode)
    cine = noise(frames=3)
    found = segment_structures(model, cine, ["LV"])["LV"]
    assert not asked[0].has_box.any() and asked[1].has_box.all() and torch.equal(asked[0].text, asked[1].text)
    assert asked[1].boxes.tolist() == [[24.0, 20.0, 43.0, 39.0]] * 3
    assert found.confidence == pytest.approx([0.7] * 3)
    logits = torch.full((1, 32, 32), -1.0)
    logits[0, 10:20, 12:22], logits[0, 10:20, 8:12] = 1.25, -0.25
    expected = model.card.preprocessing.cine_geometry(cine).restore_masks(logits)
    assert expected.any() and all(np.array_equal(mask, expected[0]) for mask in found.masks)
    box = Prompt(structure="LV", box=(20.0, 10.0, 50.0, 40.0))
    named, boxed = segment_frame(model, cine, 1, [Prompt(structure="LV"), box]).masks
    assert np.array_equal(named, expected[0]) and not np.array_equal(boxed, named), "a box was shown already"
