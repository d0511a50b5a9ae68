"""Archives from elsewhere: what is in them comes out whole, and what would do harm never touches the disk."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest

from echoapex.errors import ReadError
from echoapex.io.archives import Limits, unpack
from echoapex.io.paths_below import is_below


def archive(path: Path, *entries: tuple[str | ZipInfo, bytes]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as opened:
        for name, data in entries:
            opened.writestr(name, data)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """Where archives are unpacked to; beside it lies what must not change."""
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / "inside").mkdir()
    return tmp_path / "inside"


def test_what_is_in_an_archive_comes_out_for_this_user_alone(tmp_path: Path, inside: Path) -> None:
    given = {"scene/a scene.mrml": b"<MRML/>", "scene/Data/A4C (1).seq.nrrd": os.urandom(3_000_000), "scene/é": b""}
    files = unpack(archive(tmp_path / "a.mrb", *given.items(), ("scene/empty/", b"")), inside)
    assert contents(inside) == given and sorted(files) == sorted(inside / name for name in given)
    if os.name != "nt":
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def link(name: str, target: str) -> tuple[ZipInfo, bytes]:
    entry = ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry, target.encode()


def device(name: str) -> tuple[ZipInfo, bytes]:
    entry = ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFIFO | 0o600) << 16
    return entry, b""


GOOD = ("good", b"good")
HOSTILE: dict[str, tuple[Callable[[Path], tuple[tuple[str | ZipInfo, bytes], ...]], str]] = {
    "dots": (lambda home: (("../precious", b"x"),), "below its folder"),
    "dots within": (lambda home: (("a/../../precious", b"x"),), "below its folder"),
    "absolute": (lambda home: ((f"{home}/precious", b"x"),), "below its folder"),
    "a drive": (lambda home: (("C:/precious", b"x"),), "below its folder"),
    "a stream": (lambda home: (("good:stream", b"x"),), "below its folder"),
    "backslashes": (lambda home: (("..\\precious", b"x"),), "below its folder"),
    "a device of Windows": (lambda home: (("NUL.txt", b"x"),), "below its folder"),
    "a space at the end": (lambda home: (("folder /x", b"x"),), "below its folder"),
    "what steers": (lambda home: (("a\x1b[2Jb", b"x"),), "below its folder"),
    "a link": (lambda home: (link("way", str(home)), ("way/precious", b"x")), "neither links nor devices"),
    "a link within": (lambda home: (link("way", "good"),), "neither links nor devices"),
    "a pipe": (lambda home: (device("pipe"),), "neither links nor devices"),
    "one name twice": (lambda home: (("A", b"1"), ("a", b"2")), "holds each name once"),
    "a file for a folder": (lambda home: (("way", b"1"), ("way/x", b"2")), "in the place of a folder"),
    "too many": (lambda home: tuple((f"f{number}", b"") for number in range(50)), "at most 20 files"),
    "too much": (
        lambda home: tuple((f"f{number}", os.urandom(60_000)) for number in range(4)),
        "at most 200,000 bytes",
    ),
    "too well packed": (lambda home: (("zeros", bytes(150_000)),), "at most 100 times its size"),
}
LIMITS = Limits(entries=20, bytes=200_000, ratio=100, ratio_from=100_000)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_that_would_do_harm_is_refused_before_anything_is_written(
    name: str, tmp_path: Path, inside: Path
) -> None:
    entries, words = HOSTILE[name]
    path = archive(tmp_path / "a.mrb", GOOD, *entries(tmp_path))
    with pytest.raises(ReadError, match=rf"a\.mrb: .*{words}") as refusal:
        unpack(path, inside, LIMITS)
    assert "\x1b" not in str(refusal.value)
    assert contents(tmp_path) == {"precious": b"mine", "a.mrb": path.read_bytes()}


def larger_than_listed(path: Path) -> None:
    """The sizes that it lists are made smaller."""
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack("<L", 150_000), struct.pack("<L", 1_000)))


def named_otherwise(path: Path) -> None:
    """Where it lies it is called something else than in the list."""
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"zeros")] + b"..//x" + data[data.index(b"zeros") + 5 :])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-30]),
    "cut in the middle": lambda path: path.write_bytes(path.read_bytes()[:60]),
    "empty": lambda path: path.write_bytes(b""),
    "no archive": lambda path: path.write_bytes(b"no archive" * 30),
    "larger than it lists": larger_than_listed,
    "another name where it lies": named_otherwise,
    "other bytes": lambda path: path.write_bytes(path.read_bytes().replace(b"\x78", b"\x79")),
    "a method nobody knows": lambda path: path.write_bytes(path.read_bytes().replace(b"\x08\x00", b"\x63\x00")),
    "not there": lambda path: path.unlink(),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_archive_is_refused_in_a_sentence(name: str, tmp_path: Path, inside: Path) -> None:
    path = archive(tmp_path / "a.mrb", ("zeros", bytes(150_000)), ("xxxx", bytes(range(120)) * 9))
    DAMAGE[name](path)
    with pytest.raises(ReadError, match=r"a\.mrb: ") as refusal:
        unpack(path, inside)
    assert "\n" not in str(refusal.value)
    assert sum(map(len, contents(inside).values())) <= 151_000 and (tmp_path / "precious").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("name", "below"),
    [("a", True), ("a/b c.txt", True), ("a/.hidden", True), ("é/№", True), ("./a", True), ("concert.txt", True)]
    + [
        (name, False) for name in ("", "/", "/a", "..", "a/..", "a/../b", "a\\b", "C:a", "con", "a/LPT1.x", "a.", "a\n")
    ],
)
def test_names_below_a_folder_are_told_from_others(name: str, below: bool) -> None:
    assert is_below(name) is below
