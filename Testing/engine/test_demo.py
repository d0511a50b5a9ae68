"""The demonstration from end to end, with the true outlines in the model's place and a small study."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from jsonschema import validate
from report_cases import CARD, SEED, simulated, true_masks

from echoapex import demo, resources, simulation
from echoapex.clips import ClipResult, measure_clip
from echoapex.errors import ModelError
from echoapex.io import read_cine
from echoapex.models.segmenter import create_segmenter
from echoapex.models.store import save_model
from echoapex.simulation.dicom import write_dicom
from echoapex.simulation.study import study_truth, write_truth_labels


@pytest.fixture
def small_study(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes the small clips of the tests where the demonstration writes large ones."""

    def write(out: Path, seed: int, views: list[str], preset: str, overrides: dict[str, float]) -> list[Path]:
        assert (preset, overrides) == ("easy", {}) and seed in simulation.TEST_SEEDS
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


@pytest.fixture
def true_outlines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The true outlines in place of the model's for simulated clips; the real one is outlined by the model."""
    by_model = demo.analyze_clip

    def analyze(model: object, path: Path, identifier: str, view: str, *, origin: str) -> ClipResult:
        cine = read_cine(path)
        if not cine.simulated:
            return by_model(model, cine, identifier, view, origin=origin)
        return measure_clip(cine, identifier, view, true_masks(view), origin=origin)

    monkeypatch.setattr(demo, "analyze_clip", analyze)


def test_the_demonstration(
    small_study: None, default_model: None, true_outlines: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = demo.run_demo(tmp_path / "out")
    printed = capsys.readouterr()
    record = json.loads(Path(result["report"]).read_text(encoding="utf-8"))
    validate(record, json.loads(resources.path("Schemas/report-1.schema.json").read_text(encoding="utf-8")))
    assert json.loads(json.dumps(result)) == result

    clips = {clip["id"]: clip for clip in record["clips"]}
    assert {name: clip["simulated"] for name, clip in clips.items()} == {
        "simulated-A4C": True,
        "simulated-A2C": True,
        "real-A4C": False,
    }
    assert clips["real-A4C"]["volume_ml"] is None and "MIT" in clips["real-A4C"]["origin"]
    for clip in clips.values():
        assert (tmp_path / "out" / clip["file"]).is_file()

    measured = {(m["name"], m["method"]): m for m in result["measurements"] if "real-A4C" not in m["clips"]}
    for name, tolerance in (("LVEF", 4), ("LVEDV", 12), ("LVESV", 8)):
        biplane = measured[name, "biplane"]
        assert biplane["value"] == pytest.approx(biplane["truth"], abs=tolerance)
        assert biplane["clips"] == ["simulated-A4C", "simulated-A2C"]
    assert measured["LVSV", "A4C"]["truth"] == pytest.approx(
        measured["LVEDV", "A4C"]["truth"] - measured["LVESV", "A4C"]["truth"]
    )
    assert all(m["truth"] is None for m in result["measurements"] if m["clips"] == ["real-A4C"])
    assert all(score == pytest.approx(1) for scores in result["dice"].values() for score in scores.values())

    assert printed.out.splitlines()[-1] == result["html"]
    assert "Ejection fraction" in printed.out and "Not a medical device" in printed.out
    assert "outlining real-A4C" in printed.err and "Not a medical device" in printed.err
    page = Path(result["html"]).read_text(encoding="utf-8")
    assert "real-A4C" in page and str(SEED) not in page  # the demonstration names its own seed


def test_for_machines_nothing_is_printed_on_standard_output(
    small_study: None, default_model: None, true_outlines: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.run_demo(tmp_path / "out", as_text=False)
    assert capsys.readouterr().out == ""


def test_a_model_that_finds_nothing_is_told_and_reported(
    small_study: None, default_model: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        demo, "analyze_clip", lambda model, path, name, view, origin: measure_clip(read_cine(path), name, view, {})
    )
    result = demo.run_demo(tmp_path / "out", as_text=False)
    assert result["measurements"] == [] and len(result["failures"]) == 3
    assert all("no left ventricle" in failure["rule"] for failure in result["failures"])
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
    result = demo.run_demo(tmp_path / "out", as_text=False)
    assert result["failures"] == []
    measured = {(m["name"], m["method"], tuple(m["clips"])): m for m in result["measurements"]}
    for view in ("A4C", "A2C"):
        single = measured["LVEF", view, (f"simulated-{view}",)]
        assert single["value"] == pytest.approx(single["truth"], abs=6)
        assert result["dice"][f"simulated-{view}"]["LV"] > 0.85
    record = json.loads(Path(result["report"]).read_text(encoding="utf-8"))
    real = next(clip for clip in record["clips"] if clip["id"] == "real-A4C")
    assert real["beats"]
    assert min(real["area_px"]) / max(real["area_px"]) >= 0.2
    ef = measured["LVEF", "area_length_A4C", ("real-A4C",)]
    assert 20 < ef["value"] < 85
    assert not any(m["unit"] in ("mL", "mm") for m in result["measurements"] if m["clips"] == ["real-A4C"])
