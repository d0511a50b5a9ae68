"""The clips that a user has opened: found by a process, with the views that the user gives."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scene_cases as cases
from written_reports import write_cine

from EchoApexLib.study.clipList import ClipList, ListedClip, ListedStudy
from EchoApexLib.study.clipReader import ClipReader

PATIENCE_S = 240.0
"""Only so that a test that waits in vain ends."""

STUDY = {
    "say": "study",
    "study": "study-1",
    "notes": [],
    "patient": dict.fromkeys(("sex", "age", "height_cm", "weight_kg")),
}
CLIP = {
    "say": "clip",
    "study": "study-1",
    "file": "/a.dcm",
    "parts": [],
    "view": "A4C",
    "mode": "2D",
    "frames": 30,
    "rate": 50.0,
    "scale": "dicom_region",
    "mm_per_px": [0.5, 0.4],
    "scale_reason": None,
    "warnings": ["odd\n"],
    "refusal": None,
}


def wait(until: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end
        time.sleep(0.02)


def ended(reader: ClipReader) -> bool:
    reader.poll()
    return not reader.busy


def saying(messages: list[Any], code: int = 0) -> Callable[..., ClipReader]:
    """Makes readers whose process says these things and ends."""
    lines = "\n".join(json.dumps(message) for message in messages)
    program = f"import sys; print({lines!r}); sys.stdout.flush(); print('broke', file=sys.stderr); sys.exit({code})"

    def make(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> ClipReader:
        from EchoApexLib.study import clipReader

        process = clipReader.WatchedProcess
        command = [sys.executable, "-c", program]
        monkeypatch.setattr(clipReader, "WatchedProcess", lambda _command, **how: process(command, **how))
        reader = ClipReader([], sys.executable, said.append)
        wait(lambda: ended(reader))
        return reader

    return make


def test_the_clips_of_a_folder_are_listed(tmp_path: Path) -> None:
    write_cine(tmp_path / "clips" / "a.nrrd", cases.make_clip())
    (tmp_path / "clips" / "notes.txt").write_text("no clip")
    said: list[str] = []
    reader = ClipReader([tmp_path / "clips"], sys.executable, said.append)
    wait(lambda: ended(reader))
    (clip,) = reader.list.clips
    assert clip.file == (tmp_path / "clips" / "a.nrrd").resolve() and clip.study == "study-1"
    assert reader.expected == 1 and "notes.txt" in reader.leftOut[0] and said == []


def test_what_a_clip_is_comes_from_the_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    reader = saying([STUDY, CLIP, {**CLIP, "frames": 31}])(monkeypatch, said)
    (clip,) = reader.list.clips
    assert (clip.frames, clip.view, clip.viewSource, clip.mmPerPx) == (31, "A4C", "header", (0.5, 0.4))
    assert clip.files == (Path("/a.dcm"),) and "\n" not in clip.warnings[0] and said == []


@pytest.mark.parametrize(
    "messages",
    [["text"], [{"say": "nothing"}], [{"say": "clip"}], [CLIP], [STUDY, {**CLIP, "frames": "many"}], [{"say": "end"}]],
)
def test_what_is_not_understood_is_one_sentence(messages: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    reader = saying(messages)(monkeypatch, said)
    assert len(said) == 1 and "was not understood" in said[0] and reader.list.clips == ()


def test_a_process_that_breaks_is_one_sentence_and_what_was_found_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    reader = saying([STUDY, CLIP], code=3)(monkeypatch, said)
    assert len(reader.list.clips) == 1
    assert said == ["Not all clips could be listed: the process that reads their headers ended (broke)."]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals there")
def test_a_process_that_is_killed_is_one_sentence(tmp_path: Path) -> None:
    write_cine(tmp_path / "clips" / "a.nrrd", cases.make_clip())
    said: list[str] = []
    reader = ClipReader([tmp_path / "clips"], sys.executable, said.append)
    assert reader._process is not None
    os.kill(reader._process.pid, signal.SIGKILL)
    wait(lambda: ended(reader))
    assert len(said) == 1 and "Not all clips could be listed" in said[0]


def test_an_empty_folder_is_one_sentence(tmp_path: Path) -> None:
    said: list[str] = []
    reader = ClipReader([tmp_path], sys.executable, said.append)
    wait(lambda: ended(reader))
    assert said == [f"{tmp_path}: There is no file that may be a clip."]


def test_views_of_the_user_go_before_all_others() -> None:
    found = ClipList()
    found.addStudy(ListedStudy("study-1", {}))
    for name in ("/a", "/b"):
        found.addClip(ListedClip("study-1", Path(name), view="A4C", viewSource="header"))
    found.giveView(Path("/a"), "A2C")
    found.takeResult(Path("/a"), view="A4C", viewSource="recognized", probability=0.9, result="measured, 1 beat")
    found.takeResult(Path("/elsewhere"), view="A4C")
    first, second = found.clips
    assert (first.view, first.viewSource, first.probability, first.result) == ("A2C", "user", None, "measured, 1 beat")
    assert second.viewSource == "header" and found.givenViews("study-1") == {Path("/a"): "A2C"}
    found.giveView(Path("/a"), None)
    assert found.clip(Path("/a")).viewSource == "recognized" and found.clipsOf("study-2") == ()
