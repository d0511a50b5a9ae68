"""A report keeps what persons had decided about its clips: an analysis with that file gives the same report."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from report_cases import CARD, true_masks
from study_cases import MODEL, Take, TruthIn, write_take

from echoapex import resources
from echoapex.analysis.clip_corrections import Calibration, ClipCorrections, ExcludedBeat
from echoapex.analysis.corrections_file import clip_record, read_corrections, write_corrections
from echoapex.analysis.walls_by_hand import WallByHand
from echoapex.cine import Cine, Flip
from echoapex.errors import EchoApexError
from echoapex.io import read_cine
from echoapex.measure.volumes_while_editing import Phases
from echoapex.prompts import PointPrompt, Prompt
from echoapex.session.frame_entries import Entry, Given, PackedMask, Status
from echoapex.session.state import SessionState
from echoapex.study.batch_analysis import StudyOptions, WrittenStudy, write_studies

TAKES = {"Roe Jane.dcm": Take("A4C"), "plax.dcm": Take("PLAX")}
NAMED = "Roe Jane.dcm"
"""Files are called like patients."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    for name, take in TAKES.items():
        write_take(folder / name, take)
    return folder


def written(study: Path, out: Path, corrections: Path | None = None) -> Path:
    given = None if corrections is None else read_corrections(corrections)
    options = StudyOptions(observe=TruthIn(TAKES), scene=False, corrections=given)
    (found,) = write_studies([study], MODEL, out, options=options)
    assert isinstance(found, WrittenStudy), found
    return out


def masks_by_hand(cine: Cine) -> SessionState:
    """A mask that was drawn, one that was prompted by somebody, and one that was accepted."""
    found = true_masks("A4C")["LV"].masks
    smaller = found[3].copy()
    smaller[:, : int(np.flatnonzero(smaller.any(axis=0))[0]) + 3] = False
    given = Given(Prompt(points=(PointPrompt(60.0, 70.0),)), "r2", "2026-01-01T00:00:00+00:00")
    state = SessionState(CARD, cine)
    state.begin(
        {
            ("LV", 3): Entry(PackedMask.of(smaller), source=Status.EDITED),
            ("LV", 4): Entry(PackedMask.of(found[4]), 0.8, Status.PROMPTED, prompts=(given,)),
            ("LV", 5): Entry(PackedMask.of(found[5]), 0.9, Status.PREDICTED, review=Status.ACCEPTED),
        }
    )
    return state


@pytest.fixture(scope="module")
def corrected(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report that was made with corrections of all kinds."""
    folder = tmp_path_factory.mktemp("corrected")
    a4c, plax = read_cine(study / NAMED), read_cine(study / "plax.dcm")
    ends = ((70.0, 30.0), (70.0, 70.0))
    clips = clip_record(
        masks_by_hand(a4c),
        ClipCorrections(
            "r1, r2",
            view="A4C",
            phases=Phases(None, 12, False, True),
            calibration=Calibration(((10.0, 20.0), (10.0, 70.0)), 50.0),
            excluded={("LVEDV", "A4C"): "foreshortened"},
            excluded_beats=(ExcludedBeat(90, 95, "an extrasystole"),),
        ),
        NAMED,
    )
    clips |= clip_record(
        SessionState(CARD, plax.turned(Flip.HORIZONTAL)),
        ClipCorrections(
            "r3",
            flip=Flip.HORIZONTAL,
            walls={"IVSd": WallByHand(4, ends), "LVIDs": WallByHand(9, ends, False, True)},
            confirmed_values={("LVPWd", "linear"): 9.0},
        ),
        "plax",
    )
    write_corrections(folder / "given.json", clips)
    return written(study, folder / "report", folder / "given.json")


def test_what_a_report_keeps_gives_the_same_report_again(study: Path, corrected: Path, tmp_path: Path) -> None:
    record = json.loads((corrected / "report.json").read_text(encoding="utf-8"))
    schema = json.loads(resources.path("Schemas/report-2.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(record)
    assert record["corrections"] == "corrections.json"
    again = written(study, corrected.parent / "again", corrected / "corrections.json")
    for name in ("report.json", "measurements.csv", "corrections.json"):
        assert (again / name).read_bytes() == (corrected / name).read_bytes(), name
    statuses = {item["status"] for item in record["measurements"]}
    assert "corrected" in statuses and any(item["excluded"] for item in record["measurements"])


def test_all_that_was_decided_is_kept_as_what_it_was_and_by_whom(study: Path, corrected: Path) -> None:
    kept = read_corrections(corrected / "corrections.json")
    before = read_corrections(corrected.parent / "given.json")
    # As a scene of the report shows it.
    cine = read_cine(study / NAMED)
    for turn in (cine, read_cine(study / "plax.dcm").turned(Flip.HORIZONTAL)):
        found, given = kept.of(turn, CARD), before.of(turn, CARD)
        assert found is not None and found == given
    found = kept.of(cine, CARD)
    assert found is not None and found.entries["LV", 4].prompts[0].rater == "r2"
    assert found.entries["LV", 5].status is Status.ACCEPTED and found.entries["LV", 3].status is Status.EDITED
    assert list(kept.unfound()) == []


def test_it_is_private_listed_and_names_nobody(corrected: Path) -> None:
    file = corrected / "corrections.json"
    text = file.read_text(encoding="utf-8")
    schema = json.loads(resources.path("Schemas/corrections-1.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(json.loads(text))
    assert "Roe" not in text and "MRN" not in text
    assert {one["file"] for one in json.loads(text)["clips"].values()} == {"A4C-1", "PLAX-1"}
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    manifest = json.loads((corrected / ".echoapex-manifest.json").read_text(encoding="utf-8"))
    assert "corrections.json" in {entry["path"] for entry in manifest["outputs"]["report"]}


def test_a_report_without_corrections_has_no_such_file_and_takes_that_of_before_away(
    study: Path, corrected: Path, tmp_path: Path
) -> None:
    out = written(study, tmp_path / "out", corrected / "corrections.json")
    assert (out / "corrections.json").is_file()
    assert written(study, out) == out and not (out / "corrections.json").exists()
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["corrections"] is None


def test_a_file_of_that_name_that_is_the_users_is_never_replaced(study: Path, tmp_path: Path) -> None:
    (tmp_path / "corrections.json").write_text("mine", encoding="utf-8")
    options = StudyOptions(observe=TruthIn(TAKES), scene=False)
    (refusal,) = write_studies([study], MODEL, tmp_path, options=options)
    assert isinstance(refusal, EchoApexError) and "corrections.json" in str(refusal)
    assert (tmp_path / "corrections.json").read_text(encoding="utf-8") == "mine"
