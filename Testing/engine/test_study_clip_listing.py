"""The list of clips: by their headers, several studies apart, with a reason for each file that is not used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from study_cases import PATIENT_B, Take, write_take

from echoapex.study.clip_listing import list_clips


def about(messages: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    return [message for message in messages if message["say"] == what]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies; of the first one clip has no scale, one is a copy, and one is cut short in its header."""
    folder = tmp_path_factory.mktemp("archive")
    write_take(folder / "a.dcm", Take("A4C", stop=6))
    write_take(folder / "b.dcm", Take("A2C", stop=6), SequenceOfUltrasoundRegions=None)
    (folder / "c.dcm").write_bytes((folder / "a.dcm").read_bytes())
    (folder / "d.dcm").write_bytes((folder / "a.dcm").read_bytes()[:700])
    write_take(folder / "e.dcm", Take("PLAX", stop=6), patient=PATIENT_B, study="1.2.4")
    (folder / "notes.txt").write_text("no clip")
    (folder / "more.txt").write_text("no clip")
    return folder


@pytest.fixture(scope="module")
def found(archive: Path) -> list[dict[str, Any]]:
    return list(list_clips([archive]))


def test_what_is_left_out_and_how_many_clips_there_are_is_told_first(found: list[dict[str, Any]]) -> None:
    assert [message["say"] for message in found[:2]] == ["left_out", "count"]
    assert "more.txt and 1 more: This is no format of a clip" in found[0]["text"]
    assert found[1] == {"say": "count", "clips": 5, "left_out": 2}


def test_studies_of_several_patients_are_apart(found: list[dict[str, Any]]) -> None:
    assert [study["study"] for study in about(found, "study")] == ["study-1", "study-2"]
    clips = {Path(clip["file"]).name: clip["study"] for clip in about(found, "clip")}
    assert clips == {**dict.fromkeys(("a.dcm", "b.dcm", "c.dcm", "d.dcm"), "study-1"), "e.dcm": "study-2"}


def test_a_clip_has_what_its_header_says(found: list[dict[str, Any]]) -> None:
    clips = {Path(clip["file"]).name: clip for clip in about(found, "clip")}
    whole = clips["a.dcm"]
    assert (whole["view"], whole["mode"], whole["frames"], whole["refusal"]) == ("A4C", "2D", 6, None)
    assert whole["scale"] == "dicom_region" and whole["rate"] > 10 and len(whole["mm_per_px"]) == 2
    unscaled = clips["b.dcm"]
    assert unscaled["scale"] == "none" and unscaled["mm_per_px"] is None and unscaled["scale_reason"]


def test_a_clip_that_is_not_used_says_why(found: list[dict[str, Any]]) -> None:
    clips = {Path(clip["file"]).name: clip for clip in about(found, "clip")}
    assert clips["c.dcm"]["refusal"] == "A copy of a.dcm"
    assert clips["d.dcm"]["refusal"] == "This DICOM object holds no image: Rows is missing"
    assert "/" not in clips["d.dcm"]["refusal"]


def test_no_message_names_the_patient(found: list[dict[str, Any]], archive: Path) -> None:
    text = json.dumps([{**message, "file": ""} for message in found])
    assert "Roe" not in text and "MRN" not in text


def test_a_clip_without_header_is_told_of_again_when_it_was_read(tmp_path: Path) -> None:
    from echoapex.io import read_cine

    write_take(tmp_path / "a.dcm", Take("A4C", stop=6))
    cine = read_cine(tmp_path / "a.dcm")
    volume = tmp_path / "a.mha"
    _write_volume(volume, cine.frames)
    first, second = about(list(list_clips([volume])), "clip")
    assert first["frames"] is None and first["refusal"] is None
    assert second["frames"] == 6 or second["refusal"]


def _write_volume(path: Path, frames: np.ndarray) -> None:
    import SimpleITK as sitk

    sitk.WriteImage(sitk.GetImageFromArray(frames), str(path))


def test_where_there_is_nothing_the_one_message_is_the_refusal(tmp_path: Path) -> None:
    (refused,) = list_clips([tmp_path])
    assert refused == {"say": "refused", "text": f"{tmp_path}: There is no file that may be a clip."}


def test_the_process_prints_a_line_for_each_message(archive: Path, found: list[dict[str, Any]]) -> None:
    command = [sys.executable, "-m", "echoapex.study.clip_listing_process"]
    done = subprocess.run(command, input=json.dumps([str(archive)]), capture_output=True, text=True, check=True)
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert [message["say"] for message in printed] == [message["say"] for message in found]


def test_what_is_no_list_of_paths_is_refused() -> None:
    command = [sys.executable, "-m", "echoapex.study.clip_listing_process"]
    done = subprocess.run(command, input="{}", capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Standard input must be a list of paths" in done.stderr
