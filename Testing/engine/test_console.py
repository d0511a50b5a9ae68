"""Whatever is printed, no character out of a file or of its name steers the terminal."""

from __future__ import annotations

import io
import json
import logging
import shutil
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_training import recipe_file

from echoapex.cli import main
from echoapex.console import harmless, harmless_libraries, print_json, print_line, print_record, print_table, say, tell
from echoapex.errors import EchoApexError
from echoapex.training.start_run import main as train

NAME = "\x1b[31mred\n\r\x07\x9b2J\u202eevil"
"""Colors, a new line, a bell, a sequence of one byte, and letters that run the other way."""


def steers(text: str) -> str:
    return "".join(character for character in text if not (character.isprintable() or character == "\n"))


@given(st.text())
def test_what_is_harmless_is_one_line_without_what_steers(text: str) -> None:
    made = harmless(text)
    assert steers(made) == "" and "\n" not in made and len(made) == len(text)
    assert not text.isprintable() or made == text


@given(st.text(), st.text())
def test_a_refusal_is_one_line(rule: str, value: str) -> None:
    said = str(EchoApexError(rule, value=value, file=value or None))
    assert steers(said) == "" and "\n" not in said


PRINTS: dict[str, Callable[[], object]] = {
    "say": lambda: say(NAME),
    "tell": lambda: tell(NAME),
    "line": lambda: print_line(NAME),
    "path": lambda: print_line(Path(NAME)),
    "json": lambda: print_json({NAME: [NAME]}),
    "record": lambda: print_record({NAME: {NAME: [NAME]}}),
    "table": lambda: print_table((NAME,), [(NAME,)]),
}


@pytest.mark.parametrize("name", PRINTS)
def test_nothing_printed_steers(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    PRINTS[name]()
    printed = "".join(capsys.readouterr())
    assert "red" in printed and steers(printed) == ""
    assert len(printed.splitlines()) == {"json": 5, "table": 2}.get(name, 1)


def test_what_a_terminal_cannot_show_is_written_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", narrow)
    print_line("Écho № 1")
    narrow.flush()
    assert narrow.buffer.getvalue().rstrip() == rb"\xc9cho \u2116 1"


def test_warnings_and_logs_of_libraries_do_not_steer_either(capsys: pytest.CaptureFixture[str]) -> None:
    with harmless_libraries():
        warnings.warn(f"invalid value {NAME}", UserWarning, stacklevel=1)
        quiet = logging.Logger("a library")
        quiet.warning("damaged: %s", NAME)
    printed = capsys.readouterr().err
    assert printed.count("red") == 2 and len(printed.splitlines()) == 2 and steers(printed) == ""


posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names of files")


@posix
@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "FILE"],
        ["info", "FOLDER"],
        ["info", "FOLDER", "--json"],
        ["segment", "FILE", "--structure", "LV", "--out", "FOLDER/out.nrrd"],
        ["analyze", "FILE", "--out", "FOLDER/out"],
        ["models", "show", "FOLDER"],
        ["models", "show", "FILE"],
        ["simulate", "--out", "FILE"],
        ["evaluate", "--model", "FOLDER", "--task", "ef", "--data", "FILE"],
        ["info", "FILE", "FILE"],
        ["--FILE"],
        ["FILE"],
    ],
)
def test_no_verb_lets_a_name_steer(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], copied_model: Path
) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    (folder / f"{NAME}.dcm").write_bytes(b"no clip")
    shutil.copytree(copied_model, folder / "model")
    (folder / "card.json").write_text(json.dumps({"schema": NAME}))
    file = str(folder / f"{NAME}.dcm")
    assert main([text.replace("FILE", file).replace("FOLDER", str(folder)) for text in arguments]) != 0
    printed = "".join(capsys.readouterr())
    assert printed and steers(printed) == ""


@posix
def test_training_lets_no_name_steer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = recipe_file(tmp_path, structures=[NAME])
    assert train([str(file), "--run", str(tmp_path / NAME)]) == 1
    assert train([str(tmp_path / NAME), "--run", str(tmp_path / "run")]) == 1
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 2 and steers(printed) == ""
