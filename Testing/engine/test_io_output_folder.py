"""One run's output: whole or not at all, and never in the place of what is the user's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from record_cases import changed_records, changed_texts

from echoapex.errors import EchoApexError
from echoapex.io.output_folder import OutputFile, OutputFolder
from echoapex.io.output_manifest import MANIFEST_FILE, read_manifest

LISTED = {
    "schema": 1,
    "outputs": {
        "report": [{"path": "masks/a.nrrd", "size": 4, "sha256": "0" * 64}],
        "study": [{"path": "b.dcm", "size": 0, "sha256": "1" * 64}],
    },
}
FILES = {"masks/a.nrrd": b"mask", "report.json": b"{}", "report.html": b"page"}


def write(target: Path, files: dict[str, bytes], *, adding: bool = False) -> list[Path]:
    with OutputFolder(target, "report", ["report.html"]) as output:
        stage(output, files)
        return output.publish(adding=adding)


def stage(output: OutputFolder, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (output.staging / name).parent.mkdir(exist_ok=True)
        (output.staging / name).write_bytes(content)


def seen(folder: Path) -> dict[str, bytes]:
    """All files, but for our list of them."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".echoapex-manifest.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts Python with ``code``; it shares no lock with us."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=paths, stdout=subprocess.PIPE, text=True)


def test_output_is_there_once_it_is_published_and_nothing_else_stays(tmp_path: Path) -> None:
    target = tmp_path / "made" / "here"
    with OutputFolder(target, "report", ["report.html"]) as output:
        stage(output, FILES)
        assert not target.exists()
        assert output.publish() == [target / name for name in sorted(FILES)]
    assert seen(target) == FILES
    assert [path.name for path in target.parent.iterdir()] == ["here"]


def test_what_an_earlier_run_wrote_goes_and_what_is_the_users_stays(tmp_path: Path) -> None:
    write(tmp_path / "out", FILES)
    (tmp_path / "out" / "masks" / "mine.nrrd").write_bytes(b"by hand")
    write(tmp_path / "out", {"report.html": b"new", "masks/b.nrrd": b"other"})
    assert seen(tmp_path / "out") == {"report.html": b"new", "masks/b.nrrd": b"other", "masks/mine.nrrd": b"by hand"}
    write(tmp_path / "out", {})
    assert seen(tmp_path / "out") == {"masks/mine.nrrd": b"by hand"}
    assert not (tmp_path / "out" / ".echoapex-manifest.json").exists()


def test_adding_leaves_the_rest_of_the_output(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    write(tmp_path, {"scene.mrb": b"one"}, adding=True)
    write(tmp_path, {"scene.mrb": b"two"}, adding=True)
    assert seen(tmp_path) == {**FILES, "scene.mrb": b"two"}
    write(tmp_path, {"report.html": b"new"})
    assert seen(tmp_path) == {"report.html": b"new"}


def test_one_kind_of_output_never_removes_another(tmp_path: Path) -> None:
    with OutputFolder(tmp_path, "simulated study", []) as output:
        stage(output, {"A4C.dcm": b"clip"})
        output.publish()
    write(tmp_path, FILES)
    write(tmp_path, {"report.html": b"new"})
    assert seen(tmp_path) == {"A4C.dcm": b"clip", "report.html": b"new"}


def test_a_file_of_the_same_name_that_is_not_ours_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_bytes(b"my discharge letter")
    with pytest.raises(EchoApexError, match=r"report\.html: .* none that EchoApex wrote"):
        OutputFolder(tmp_path, "report", ["report.html"]).__enter__()
    assert seen(tmp_path) == {"report.html": b"my discharge letter"}


@pytest.mark.parametrize("name", list(FILES))
def test_a_file_of_ours_that_was_changed_since_is_refused_and_stays(tmp_path: Path, name: str) -> None:
    write(tmp_path, FILES)
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(EchoApexError, match="was changed since"):
        write(tmp_path, {"report.html": b"new"})
    assert seen(tmp_path) == {**FILES, name: b"mine"}


def test_what_was_changed_or_put_there_during_the_work_stays_too(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    for name, content in (("report.json", b"saved just now"), ("masks/c.nrrd", b"mine")):
        with OutputFolder(tmp_path, "report", ["report.html"]) as output:
            stage(output, {"report.html": b"new", "masks/c.nrrd": b"ours"})
            before = FILES.get(name)
            (tmp_path / name).write_bytes(content)
            with pytest.raises(EchoApexError, match="not replaced"):
                output.publish()
        assert seen(tmp_path) == {**FILES, name: content}
        (tmp_path / name).unlink()
        if before is not None:
            (tmp_path / name).write_bytes(before)


def test_what_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    write(tmp_path / "out", FILES)
    for target in (tmp_path / "out", tmp_path / "new" / "folder"):
        with pytest.raises(ZeroDivisionError), OutputFolder(target, "report", []) as output:
            stage(output, {"report.html": b"new"})
            raise ZeroDivisionError
    assert seen(tmp_path) == {f"out/{name}": content for name, content in FILES.items()}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("failing", range(1, 9))
def test_a_move_that_fails_half_way_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    write(tmp_path / "out", FILES)
    manifest = (tmp_path / "out" / ".echoapex-manifest.json").read_bytes()
    replace, calls = Path.replace, [0]

    def fails_once(self: Path, target: Path) -> Path:
        calls[0] += 1
        if calls[0] == failing:
            raise PermissionError(13, "In use by another program", str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fails_once)
    with pytest.raises(EchoApexError, match=r"cannot be written here.*In use"):
        write(tmp_path / "out", dict.fromkeys((*FILES, "masks/b.nrrd"), b"of another patient"))
    monkeypatch.undo()
    assert seen(tmp_path / "out") == FILES
    assert (tmp_path / "out" / ".echoapex-manifest.json").read_bytes() == manifest


WRITING = """
    import os, sys, time
    from pathlib import Path
    from echoapex.io.output_folder import OutputFolder

    dies_at, replace = int(sys.argv[2]), Path.replace
    calls = 0

    def dies(self, target):
        global calls
        calls += 1
        if calls == dies_at:
            os._exit(9)
        return replace(self, target)

    with OutputFolder(sys.argv[1], "report", ["report.html"]) as output:
        (output.staging / "masks").mkdir()
        for name in ("masks/a.nrrd", "masks/b.nrrd", "report.html"):
            (output.staging / name).write_bytes(b"of another patient")
            if dies_at == 0 and name == "masks/b.nrrd":
                print("half", flush=True)
                time.sleep(60)
        Path.replace = dies
        output.publish()
"""


def test_a_run_that_is_killed_while_writing_leaves_the_earlier_report_whole(tmp_path: Path) -> None:
    write(tmp_path / "out", FILES)
    run = child(WRITING, tmp_path / "out", 0)
    assert run.stdout is not None and run.stdout.readline() == "half\n"
    with pytest.raises(EchoApexError, match="Another run is writing its report here"):
        write(tmp_path / "out", {})
    run.kill()
    run.communicate()
    assert seen(tmp_path / "out") == FILES
    write(tmp_path / "out", {"report.html": b"new"})
    assert seen(tmp_path) == {"out/report.html": b"new"}


@pytest.mark.parametrize("at", [2, 4, 6])
def test_a_run_that_is_killed_while_moving_never_mixes_two_patients(tmp_path: Path, at: int) -> None:
    write(tmp_path / "out", FILES)
    run = child(WRITING, tmp_path / "out", at)
    run.communicate()
    assert run.returncode == 9
    contents = set(seen(tmp_path / "out").values())
    assert contents <= set(FILES.values()) or contents == {b"of another patient"}
    write(tmp_path / "out", {"report.html": b"new"})
    assert seen(tmp_path) == {"out/report.html": b"new"}


def test_a_list_that_reaches_outside_its_folder_or_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes(b"mine")
    manifest = tmp_path / "out" / ".echoapex-manifest.json"
    manifest.parent.mkdir()
    digest = "a9c2b6f3ab8e8b6cf8a0a6a0b8b8a5e0a2f6f6d5c5c4b3a2a1a0b9b8b7b6b5b4"
    for path in ("../mine.txt", "/etc/hosts", "C:\\x", ""):
        entry = {"path": path, "size": 4, "sha256": digest}
        manifest.write_text(json.dumps({"schema": 1, "outputs": {"report": [entry]}}), encoding="utf-8")
        with pytest.raises(EchoApexError, match="cannot be read, so nothing is replaced"):
            write(tmp_path / "out", FILES)
    for text in ("[]", "{", '{"schema": 2, "outputs": {}}'):
        manifest.write_text(text, encoding="utf-8")
        with pytest.raises(EchoApexError, match="cannot be read, so nothing is replaced"):
            write(tmp_path / "out", FILES)
    assert (tmp_path / "mine.txt").read_bytes() == b"mine"


@given(changed_records(LISTED) | changed_texts(LISTED))
def test_a_changed_list_is_what_it_says_or_is_refused(tmp_path_factory: pytest.TempPathFactory, changed: Any) -> None:
    file = tmp_path_factory.getbasetemp() / MANIFEST_FILE
    file.write_bytes(changed if isinstance(changed, bytes) else json.dumps(changed).encode())
    try:
        found = read_manifest(file)
    except EchoApexError as refusal:
        assert "so nothing is replaced" in str(refusal) and "\n" not in str(refusal)
    else:
        told = {kind: [vars(entry) for entry in entries] for kind, entries in found.items()}
        assert {"schema": 1, "outputs": told} == json.loads(file.read_bytes())


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right on Windows")
def test_a_list_does_not_reach_through_a_link(tmp_path: Path) -> None:
    """Somebody who knows a file of ours by heart makes a folder that would remove it."""
    write(tmp_path / "made", {"masks/a.nrrd": b"known by heart"})
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "made" / MANIFEST_FILE).rename(out / MANIFEST_FILE)
    (tmp_path / "made" / "masks").rename(tmp_path / "mine")
    (out / "masks").symlink_to(tmp_path / "mine")
    with pytest.raises(EchoApexError, match="was changed since EchoApex wrote it"):
        write(out, FILES)
    assert (tmp_path / "mine" / "a.nrrd").read_bytes() == b"known by heart"


def test_where_nothing_can_be_made_beside_the_folder_it_is_made_inside(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / ".out.echoapex-part").write_bytes(b"in the way")
    write(tmp_path / "out", FILES)
    assert seen(tmp_path / "out") == FILES


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"in the way")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(EchoApexError, match="its folder cannot be made"):
            OutputFolder(target, "report", []).__enter__()
    assert seen(tmp_path) == {"file": b"in the way"}


@pytest.fixture
def masks(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "m.nrrd"
    save(file, b"one")
    yield file


def save(file: Path, content: bytes) -> None:
    with OutputFile(file, "masks") as output:
        output.draft.write_bytes(content)
        output.publish()


def test_a_single_file_of_ours_is_replaced_and_a_changed_one_is_not(masks: Path) -> None:
    save(masks, b"two")
    assert masks.read_bytes() == b"two"
    masks.write_bytes(b"corrected by hand")
    with pytest.raises(EchoApexError, match="was changed since"):
        save(masks, b"three")
    assert masks.read_bytes() == b"corrected by hand"


def test_single_files_in_one_folder_do_not_wait_for_each_other(masks: Path, tmp_path: Path) -> None:
    with OutputFile(masks, "masks"):
        save(tmp_path / "other.nrrd", b"other")
        with pytest.raises(EchoApexError, match="Another run"):
            save(masks, b"again")
    assert masks.read_bytes() == b"one"
    assert {path.name for path in tmp_path.iterdir() if path.suffix == ".nrrd"} == {"m.nrrd", "other.nrrd"}


def test_ctrl_c_while_moving_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, FILES)
    replace = Path.replace

    def interrupted(self: Path, target: Path) -> Path:
        if self.name == "report.html" and "new" in self.parts:
            signal.raise_signal(signal.SIGINT)
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    # A shell lets what it runs in the background ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path, {"report.html": b"new"})
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen(tmp_path) == FILES
