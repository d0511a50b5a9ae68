"""Scenes in archives that somebody else has made: read, or refused with nothing written anywhere."""

from __future__ import annotations

import re
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
import scene_cases as cases

from echoapex.errors import ReadError
from EchoApexLib.record.studyContents import SceneStudy
from EchoApexLib.study.studyInScene import readScene, writeScene


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return writeScene(tmp_path_factory.mktemp("good") / "scene.mrb", SceneStudy((cases.make_clip(),)))


def with_more(good: Path, target: Path, *more: tuple[str, str]) -> Path:
    """The same archive with further files."""
    with ZipFile(good) as source, ZipFile(target, "w", ZIP_DEFLATED) as made:
        for entry in source.infolist():
            made.writestr(entry.filename, source.read(entry))
        for name, text in more:
            made.writestr(name, text)
    return target


def changed(good: Path, target: Path, pattern: str, text: str) -> Path:
    """The same archive with its scene changed."""
    with ZipFile(good) as source, ZipFile(target, "w", ZIP_DEFLATED) as made:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename.endswith(".mrml"):
                was, data = data, re.sub(pattern.encode(), text.encode(), data, count=1)
                assert data != was
            made.writestr(entry.filename, data)
    return target


def test_a_scene_that_was_packed_anew_is_read(good: Path, tmp_path: Path) -> None:
    assert len(readScene(with_more(good, tmp_path / "again.mrb", ("scene/notes.txt", "mine"))).clips) == 1


@pytest.mark.parametrize("where", ["dots", "absolute"])
def test_a_scene_that_would_write_elsewhere_writes_nothing(good: Path, tmp_path: Path, where: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    name = f"{'../' * 12 if where == 'dots' else '/'}{str(precious)[1:]}"
    for target in (name, f"{name}-written"):
        with pytest.raises(ReadError, match="names below its folder only"):
            readScene(with_more(good, tmp_path / "hostile.mrb", (target, "overwritten")))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hostile.mrb", "precious"]
    assert precious.read_text() == "mine"


FILE = r'fileName="Data/[^"]*\.nrrd"'


@pytest.mark.parametrize(
    ("pattern", "text", "words"),
    [
        (FILE, 'fileName="/etc/passwd"', "own archive only"),
        (FILE, 'fileName="../../secret.nrrd"', "own archive only"),
        (FILE, 'fileName="%2e%2e/%2e%2e/secret.nrrd"', "own archive only"),
        (FILE, 'fileName="&#46;&#46;/secret.nrrd"', "own archive only"),
        (FILE, 'fileName="" uri="http://example.com/a.nrrd"', "own archive only"),
        ("<MRML", "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><MRML", "declares nothing"),
        ("</MRML>", "", "is damaged"),
    ],
)
def test_a_scene_that_reads_from_elsewhere_or_is_damaged_is_refused(
    good: Path, tmp_path: Path, pattern: str, text: str, words: str
) -> None:
    with pytest.raises(ReadError, match=rf"hostile\.mrb: .*{words}"):
        readScene(changed(good, tmp_path / "hostile.mrb", pattern, text))


def test_an_archive_holds_one_scene(good: Path, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"holds one scene .found: 2 scenes"):
        readScene(with_more(good, tmp_path / "two.mrb", ("scene/other.mrml", "<MRML/>")))
