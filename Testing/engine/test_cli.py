"""The command line: exit codes, what goes to which stream, and that one bad file does not stop the others."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file

import echoapex
from echoapex import __version__, io
from echoapex.cli import doctor_checks as doctor
from echoapex.cli import main
from echoapex.models.installed_models import default_model

KEYS = [
    *("file", "kind", "modality", "mode", "mode_source", "frame_count", "rows", "columns"),
    *("frame_times_s", "frame_time_source"),
    *("scale_mm_per_px", "scale_source", "scale_reason", "sector", "color", "view"),
    *("stage", "protocol", "contrast", "probe", "heart_rate", "identifying", "warnings"),
]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A real ultrasound clip of 30 frames that comes with pydicom."""
    source = get_testdata_file("examples_ybr_color.dcm", download=False)
    assert source is not None
    return Path(shutil.copy(source, tmp_path / "clip.dcm"))


@pytest.fixture
def user_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of the user's models."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("ECHOAPEX_MODELS", str(folder))
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["draw"],
        ["info"],
        ["info", "a", "b"],
        ["simulate"],
        ["simulate", "--out", "x", "--seed", "-1"],
        ["simulate", "--out", "x", "--seed", "1.5"],
        ["simulate", "--out", "x", "--seed", "²"],
        ["simulate", "--out", "x", "--views", ","],
        ["simulate", "--out", "x", "--preset", "harder"],
        ["simulate", "--out", "x", "--ef", "0"],
        ["simulate", "--out", "x", "--ef", "nan"],
        ["simulate", "--out", "x", "--edv", "inf"],
        ["segment", "c.dcm", "--structure", "LV"],
        ["segment", "c.dcm", "--out", "m.nrrd"],
        ["segment", "c.dcm", "--out", "m.nrrd", "--structure", "LV", "--text", "left ventricle"],
        ["segment", "c.dcm", "--out", "m.nrrd", "--structure", "LV", "--frame", "3"],
        ["segment", "c.dcm", "--out", "m.nrrd", "--point", "1,2"],
        ["segment", "c.dcm", "--out", "m.nrrd", "--point", "1,2,3"],
        ["segment", "c.dcm", "--out", "m.nrrd", "--point", "1,nan,1"],
        ["segment", "c.dcm", "--out", "m.nrrd", "--box", "1,2,3"],
        ["segment", "c.dcm", "--out", "m.nrrd", "--structure", "LV", "--device", "gpu"],
        ["analyze", "study"],
        ["analyze", "--out", "x"],
        ["analyze", "study", "--out", "x", "--sex", "X"],
        ["analyze", "study", "--out", "x", "--height", "0"],
        ["analyze", "study", "--out", "x", "--bsa-method", "guess"],
        ["analyze", "study", "--out", "x", "--views", "A4C"],
        ["analyze", "study", "--out", "x", "--flip", "clip.dcm=sideways"],
        ["simulate", "--out", "x", "--pathology", "broken_heart"],
        ["evaluate", "--task", "segmentation"],
        ["evaluate", "--task", "all of it", "--data", "simulated:easy:3"],
        ["models"],
        ["models", "burn"],
    ],
)
def test_wrong_usage_is_2_and_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "usage: echoapex" in printed.err and "error:" in printed.err


@pytest.mark.parametrize("arguments", [["--help"], ["segment", "--help"], ["simulate", "--help"], ["models", "--help"]])
def test_help_is_no_failure(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert "usage: echoapex" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"echoapex {__version__}\n"


def test_info_of_a_clip(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(clip), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert list(record) == KEYS
    assert (record["frame_count"], record["rows"], record["columns"]) == (30, 240, 320)


def test_info_for_people_has_the_same_names(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(clip)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split(maxsplit=1)[0] for line in printed] == KEYS
    assert all(len(line) < 200 for line in printed)


def test_no_patient_is_shown(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pydicom import dcmread

    data = dcmread(clip)
    data.PatientName, data.PatientID = "Roe^Jane", "MRN-4711"
    data.save_as(clip)
    main(["info", str(clip)])
    main(["info", str(clip), "--json"])
    printed = capsys.readouterr()
    assert "PatientName" in printed.out
    for private in ("Roe", "Jane", "4711"):
        assert private not in printed.out + printed.err


def test_a_refusal_is_one_line_and_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing.dcm"
    assert main(["info", str(missing)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1 and str(missing) in printed.err


def test_a_refusal_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path / "missing.dcm"), "--json"]) == 1
    (failure,) = json.loads(capsys.readouterr().out)["failures"]
    assert set(failure) == {"file", "rule", "value"}
    assert failure["file"].endswith("missing.dcm")


def test_an_empty_folder_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err


def test_one_bad_file_does_not_stop_the_others(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(clip, clip.with_name("z.dcm"))
    broken = clip.with_name("m.dcm")
    broken.write_bytes(clip.read_bytes()[:5000])
    assert main(["info", str(clip.parent), "--json"]) == 1
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert [Path(record["file"]).name for record in result["clips"]] == ["clip.dcm", "z.dcm"]
    assert [Path(failure["file"]).name for failure in result["failures"]] == ["m.dcm"]
    assert str(broken) in printed.err and "Traceback" not in printed.err


def test_a_good_folder_is_0(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(clip.parent)]) == 0
    assert str(clip) in capsys.readouterr().out


def test_ctrl_c_is_130(clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(path: Path) -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr(io, "describe", interrupted)
    assert main(["info", str(clip)]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_defect_keeps_its_traceback(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(path: Path) -> dict[str, Any]:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(io, "describe", defect)
    with pytest.raises(ZeroDivisionError):
        main(["info", str(clip)])


def test_a_missing_library_is_named(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(path: Path) -> dict[str, Any]:
        import no_such_library  # noqa: F401

        return {}

    monkeypatch.setattr(io, "describe", missing)
    assert main(["info", str(clip)]) == 1
    printed = capsys.readouterr().err
    assert "no_such_library" in printed and "doctor" in printed and printed.count("\n") == 1


def test_waiting_threads_sleep_unless_the_user_wants_otherwise(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    seen: dict[str, str] = {}
    monkeypatch.setattr(io, "describe", lambda path: seen.update(os.environ) or {})
    assert main(["info", str(clip)]) == 0
    assert (seen["OMP_WAIT_POLICY"], seen["GOMP_SPINCOUNT"]) == ("ACTIVE", "0")


@pytest.fixture
def tiny_model(user_models: Path) -> str:
    """A model with random weights among the user's."""
    import torch
    from report_cases import CARD

    from echoapex.models.model_loading import save_model
    from echoapex.models.prompt_segmenter import create_segmenter

    torch.manual_seed(3)
    save_model(user_models / CARD.id, create_segmenter("vit_tiny", 16, 64, len(CARD.structures)), CARD)
    return CARD.id


def test_analyze_reports_what_it_can_and_says_what_failed(
    clip: Path, tiny_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "study"
    study.mkdir()
    shutil.copy(clip, study / "good.dcm")
    (study / "broken.dcm").write_bytes(clip.read_bytes()[:5000])
    (study / "letter.txt").write_text("Dear colleague")
    out = tmp_path / "out"
    options = ["--out", str(out), "--model", tiny_model, "--device", "cpu", "--views", "good.dcm=PSAX_PM", "--no-scene"]
    assert main(["analyze", str(study), *options, "--sex", "F", "--age", "50", "--json"]) == 1
    printed = capsys.readouterr()
    record = json.loads(printed.out)
    (found,), (left_out,) = record["studies"], record["left_out"]
    assert Path(left_out["file"]).name == "letter.txt" and "no format of a clip" in left_out["rule"]
    assert [Path(failure["file"]).name for failure in found["failures"]] == ["broken.dcm"]
    assert [(item["id"], item["view"]) for item in found["clips"]] == [("PSAX_PM-1", "PSAX_PM")]
    assert found["scene"] is None and any("PSAX_PM" in str(reason["value"]) for reason in found["not_measured"])
    for key in ("html", "report", "csv"):
        assert Path(found[key]).is_file()
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["patient"]["sex"] == "female"
    assert "Not a medical device" in printed.err and "broken.dcm" in printed.err
    assert "device: cpu was asked for" in printed.err


def test_files_of_which_none_is_a_clip_are_listed_and_nothing_has_failed(
    tiny_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "letters", tmp_path / "out"
    folder.mkdir()
    (folder / "letter.txt").write_text("Dear colleague")
    for act in (["info", str(folder)], ["analyze", str(folder), "--out", str(out), "--model", tiny_model]):
        assert main([*act, "--json"]) == 0
        (reason,) = json.loads(capsys.readouterr().out)["left_out"]
        assert Path(reason["file"]).name == "letter.txt"
    assert not out.exists()
    (folder / "letter.txt").unlink()
    assert main(["info", str(folder)]) == 1


def test_a_clip_is_not_given_two_views_or_flips(
    clip: Path, tiny_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "out"), "--model", tiny_model, "--flip", f"{clip}=vertical"]
    assert main(["analyze", str(clip), *options, "--flip", f"{clip}=horizontal"]) == 1
    assert "one flip (found: vertical and horizontal)" in capsys.readouterr().err


def test_analyze_of_nothing_measurable_is_no_failure(
    clip: Path, tiny_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--out", str(tmp_path / "out"), "--model", tiny_model, "--views", f"{clip}=OTHER", "--no-scene"]
    assert main(["analyze", str(clip), *options]) == 0
    said = "Nothing could be measured; the page says why."
    assert capsys.readouterr().out.splitlines() == ["study-1", said, str(tmp_path / "out" / "report.html")]


def test_models_are_exported_removed_imported_and_chosen(
    tiny_model: str, user_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*arguments: str) -> dict[str, object]:
        assert main(["models", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    shipped = default_model()
    away = str(tmp_path / "away")
    assert told("export", tiny_model, away) == {"model": tiny_model, "folder": away}
    assert told("use", tiny_model)["model"] == tiny_model == default_model()
    assert told("remove", tiny_model) == {"removed": tiny_model, "default": shipped}
    assert not (user_models / tiny_model).exists() and default_model() == shipped
    assert told("import", away) == {"model": tiny_model, "folder": str(user_models / tiny_model)}
    assert main(["models", "import", away]) == 1
    assert "installed already" in capsys.readouterr().err
    assert main(["models", "remove", shipped]) == 1
    assert "cannot be removed" in capsys.readouterr().err


def test_models_list_goes_on_after_a_damaged_one(user_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (user_models / "broken").mkdir()
    assert main(["models", "list", "--json"]) == 1
    printed = capsys.readouterr()
    entry = next(entry for entry in json.loads(printed.out) if entry["id"] == "broken")
    assert entry["card"] is None and "card.json" in entry["problem"]
    assert main(["models", "list"]) == 1
    assert "broken" in capsys.readouterr().out


def test_models_show_names_what_there_is(user_models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (user_models / "one").mkdir()
    assert main(["models", "show", "two"]) == 1
    printed = capsys.readouterr()
    assert printed.out == "" and "one" in printed.err


def test_models_show_leaves_the_figures_of_scores_to_page_and_json(
    user_models: Path, tiny_model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "scored"
    shutil.copytree(user_models / tiny_model, folder)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    card["scores"] = {"simulated:hard:3:900000": {"ef": {"ef_mae": {"value": 2.125, "ci": [2, 3], "constant": 15}}}}
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    assert main(["models", "show", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "scores on simulated:hard:3:900000: 1 metrics, with --json" in printed and "2.125" not in printed
    (folder / "evaluation.html").write_text("", encoding="utf-8")
    assert main(["models", "show", str(folder)]) == 0
    assert f"{folder / 'evaluation.html'}, and with --json" in capsys.readouterr().out
    assert main(["models", "show", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scores"] == card["scores"]
    assert main(["models", "show", tiny_model]) == 0
    assert "scores: none" in capsys.readouterr().out


def test_doctor_says_what_is_wrong_and_what_to_do(
    user_models: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "LIBRARIES", {"numpy": "numpy", "no-such-package": "no_such_package"})
    (user_models / "default.json").write_text('{"default": "gone"}')
    assert main(["doctor", "--json", "--device", "cpu"]) == 1
    checks = {check["name"]: check for check in json.loads(capsys.readouterr().out)}
    assert checks["numpy"] == {"name": "numpy", "ok": True, "found": np.__version__, "advice": ""}
    assert {name for name, check in checks.items() if not check["ok"]} == {"no-such-package", "default model"}
    assert "pip install" in checks["no-such-package"]["advice"]
    assert checks["echoapex"]["found"].endswith(str(Path(echoapex.__file__).resolve().parent))
    assert checks["device cpu"]["ok"]


@pytest.mark.parametrize("source", [None, "raise ImportError('libgdcm is missing')"])
def test_doctor_takes_gdcm_as_optional_and_never_advises_to_install_it(
    source: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LIBRARIES", {})
    monkeypatch.setitem(sys.modules, "gdcm", None)
    if source is not None:
        (tmp_path / "gdcm.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "gdcm")
    (check,) = (check for check in doctor.examine("cpu") if "gdcm" in check.name)
    assert check.ok is (source is None)
    assert "optional" in check.name and "pip install" not in check.advice
    assert ("outside 3D Slicer only" if check.ok else "libgdcm is missing") in check.found


def test_doctor_finds_a_folder_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setattr(doctor, "LIBRARIES", {})
    monkeypatch.setattr(doctor, "LEAST_FREE_GB", 1e9)
    monkeypatch.setenv("ECHOAPEX_MODELS", str(tmp_path / "new"))
    monkeypatch.setenv("ECHOAPEX_CACHE", str(tmp_path / "cache"))
    assert main(["doctor", "--device", "cpu"]) == 1
    printed = capsys.readouterr().out
    assert "FAIL  folder of your models" in printed and "ECHOAPEX_MODELS" in printed
    assert "FAIL  folder of encoded frames" in printed and "ECHOAPEX_CACHE" in printed
    assert not (tmp_path / "new").exists() and not (tmp_path / "cache").exists()
