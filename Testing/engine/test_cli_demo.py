"""The demonstration from end to end, with the truth in the model's place and a small study."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
import torch
from jsonschema import validate
from report_cases import CARD, SEED, simulated, true_landmarks, true_masks

from echoapex import resources, simulation
from echoapex.cine import Cine
from echoapex.cli import demo_steps as demo
from echoapex.errors import ModelError
from echoapex.inference.segmentation import Segmentation
from echoapex.inference.view_classification import ViewEstimate
from echoapex.inference.view_outlines_landmarks import ModelObserver, Observer
from echoapex.landmarks import Landmarks
from echoapex.models.model_loading import LoadedModel, save_model
from echoapex.models.prompt_segmenter import create_segmenter
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.simulated_study import study_truth, write_truth_labels
from echoapex.simulation.vendor_looks import TRAINING


@pytest.fixture
def small_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes the small clips of the tests where the demonstration writes large ones."""

    def write(out: Path, seed: int, views: list[str], preset: str, overrides: dict, *, pathology: str) -> list[Path]:
        assert (preset, overrides) == ("easy", {}) and seed in simulation.TEST_SEEDS
        assert pathology in simulation.PATHOLOGIES
        Path(out).mkdir(parents=True)
        clips = [simulated(view) for view in views]
        for number, clip in enumerate(clips, start=1):
            write_dicom(out / f"{clip.view}.dcm", clip, number)
            write_truth_labels(out / f"{clip.view}-truth.nrrd", clip)
        truth = out / "truth.json"
        truth.write_text(json.dumps(study_truth(clips[0].case, clips)), encoding="utf-8")
        return [truth]

    monkeypatch.setattr(simulation, "write_study", write)


@pytest.fixture
def default_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model with random weights as the user's default."""
    torch.manual_seed(5)
    save_model(tmp_path / "models" / CARD.id, create_segmenter("vit_tiny", 16, 64, len(CARD.structures)), CARD)
    (tmp_path / "models" / "default.json").write_text(json.dumps({"default": CARD.id}), encoding="utf-8")
    monkeypatch.setenv("ECHOAPEX_MODELS", str(tmp_path / "models"))


class TrueObserver:
    """Sees the truth in a simulated clip whose view is in its header."""

    def __init__(self, cine: Cine) -> None:
        assert cine.view is not None
        self._view = cine.view

    def view(self) -> ViewEstimate | None:
        return ViewEstimate(self._view, 0.98, {"A4C": 0.0, "A2C": 0.0, "PLAX": 0.0} | {self._view: 0.98}, "known")

    def outlines(self, names: object) -> dict[str, Segmentation]:
        return dict(true_masks(self._view))

    def landmarks(self) -> Landmarks | None:
        return true_landmarks(self._view)


def see_truth(model: LoadedModel, cine: Cine) -> Observer:
    """The truth of simulated clips; the real one is seen by the model."""
    return TrueObserver(cine) if cine.simulated else ModelObserver(model, cine)


class SeesNothing:
    """Finds not one pixel of anything."""

    def __init__(self, model: object, cine: Cine) -> None:
        self._shape = cine.frames.shape

    def view(self) -> None:
        return None

    def outlines(self, names: list[str]) -> dict[str, Segmentation]:
        empty = Segmentation(torch.zeros(self._shape, dtype=torch.bool).numpy(), torch.zeros(self._shape[0]).numpy())
        return dict.fromkeys(names, empty)

    def landmarks(self) -> None:
        return None


def test_the_demonstration(
    small_study: None, default_model: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = demo.run_demo(tmp_path / "out", observe=see_truth, scene=False)
    printed = capsys.readouterr()
    schema = json.loads(resources.path("Schemas/report-2.schema.json").read_text(encoding="utf-8"))
    record, real = (json.loads(Path(r["report"]).read_text(encoding="utf-8")) for r in (result, result["real"]))
    for written in (record, real):
        validate(written, schema)
    assert json.loads(json.dumps(result)) == result

    clips = {clip["id"]: clip for clip in record["clips"]}
    assert list(clips) == ["A4C-1", "A2C-1", "PLAX-1"]
    assert all(clip["simulated"] and clip["view_source"] == "recognized" for clip in clips.values())
    assert [clip["view_source"] for clip in real["clips"]] == ["user"]
    assert real["clips"][0]["volume_ml"] is None and "MIT" in real["clips"][0]["origin"]
    for clip in clips.values():
        assert (tmp_path / "out" / clip["file"]).is_file()
    assert record["patient"]["sex"] == "male" and real["patient"] is None
    assert any("made up" in note for note in record["notes"])

    measured = {(m["name"], m["method"]): m for m in result["measurements"]}
    for name, method, tolerance in (
        *(("LVEF", "biplane", 4), ("LVEDV", "biplane", 12), ("LVESV", "biplane", 8)),
        *(("IVSd", "linear", 1), ("LVPWd", "linear", 1), ("LVIDd", "linear", 2), ("LVMass", "linear", 12)),
    ):
        item = measured[name, method]
        assert item["value"] == pytest.approx(item["truth"], abs=tolerance)
    assert measured["LVEF", "biplane"]["clips"] == ["A4C-1", "A2C-1"]
    assert measured["LVMassIndex", "linear"]["grade"] and measured["LVGeometry", "linear"]["grade"]
    assert all(m["truth"] is None for m in result["real"]["measurements"])
    assert all(score == pytest.approx(1) for scores in result["dice"].values() for score in scores.values())

    lines = printed.out.splitlines()
    assert result["html"] in lines and lines[-1] == result["real"]["html"]
    assert "Ejection fraction" in printed.out and "Not a medical device" in printed.out
    assert "clip 3 of 3" in printed.err and "Not a medical device" in printed.err
    page = Path(result["html"]).read_text(encoding="utf-8")
    assert "recognized (0.98)" in page and str(SEED) not in page  # the demonstration names its own seed


def test_a_model_that_finds_nothing_is_told_and_reported(
    small_study: None, default_model: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = demo.run_demo(tmp_path / "out", as_text=False, observe=SeesNothing, scene=False)
    assert capsys.readouterr().out == ""
    assert result["measurements"] == [] and len(result["failures"]) == 3
    assert all("no left ventricle" in failure["rule"] for failure in result["failures"])
    assert any("no landmarks" in reason["rule"] for reason in result["not_measured"])
    assert Path(result["html"]).is_file()


def test_without_a_usable_model_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "default.json").write_text('{"default": "gone"}', encoding="utf-8")
    monkeypatch.setenv("ECHOAPEX_MODELS", str(tmp_path / "models"))
    with pytest.raises(ModelError, match="gone"):
        demo.run_demo(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_shipped_model_measures_the_simulated_heart_and_outlines_the_real_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECHOAPEX_MODELS", str(tmp_path / "no-models"))
    # A quarter of the pixels, and coarser, for the test's sake.
    monkeypatch.setattr(
        "echoapex.simulation.simulated_study.simulate_clip", partial(simulation.simulate_clip, sampling=TRAINING)
    )
    monkeypatch.setattr(simulation, "write_study", partial(simulation.write_study, rows=240, columns=320))
    result = demo.run_demo(tmp_path / "out", scene=False)
    assert result["failures"] == []
    measured = {(m["name"], m["method"]): m for m in result["measurements"]}
    for method in ("A4C", "A2C", "biplane"):
        assert measured["LVEF", method]["value"] == pytest.approx(measured["LVEF", method]["truth"], abs=6)
    for clip in ("A4C-1", "A2C-1"):
        assert result["dice"][clip]["LV"] > 0.85
    (real,) = json.loads(Path(result["real"]["report"]).read_text(encoding="utf-8"))["clips"]
    # One second that ends within its only systole: it is outlined, and nothing is made of a part of a beat.
    assert real["beats"] == [] and result["real"]["measurements"] == []
    assert min(real["area_px"]) / max(real["area_px"]) >= 0.2
    pages = [Path(report["html"]).read_text(encoding="utf-8") for report in (result, result["real"])]
    assert "measured, 1 beat" in pages[0] and "No beat was found, so there is no ejection fraction" in pages[1]
    assert "Demonstration model, trained on simulated hearts only" in pages[1]
