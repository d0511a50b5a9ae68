"""The checks for the real application are read, run and counted as they say; what needs no Slicer is run here."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import echoapex

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "Testing" / "Slicer"
SCRIPTS = sorted(FOLDER.glob("*.py"))
MANIFEST = ROOT / "Testing" / "Host" / "slicer_api.json"
FROM_QT = {"applicationVersion", "processEvents"}
"""What slicer.app has from QApplication, of which the manifest tells nothing."""

PROBES = '''
"""Probes."""
from collections import OrderedDict as check_imported

def check_the_first(transcript):
    transcript.note("seen")

def helper():
    pass

def check_the_second(transcript):
    assert 1 == 2, "one is\\nnot two"
'''


def load(name: str) -> ModuleType:
    """A script of Testing/Slicer, which is no package."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(FOLDER))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


run_checks = load("run_checks")
transcript_module = load("transcript")


def transcript() -> tuple[Any, io.StringIO]:
    """A transcript whose checks take a quarter of a second, and what it prints."""
    out = io.StringIO()
    ticks = iter(range(1000))
    return transcript_module.Transcript(out, lambda: next(ticks) / 4), out


def fail(error: BaseException) -> Callable[[object], None]:
    def check(_: object) -> None:
        raise error

    return check


def test_a_transcript_of_checks_that_pass() -> None:
    written, out = transcript()
    written.run("one: holds", lambda found: found.note("as seen"))
    written.run("one: holds too", lambda found: None)
    assert written.finish() == 0
    assert out.getvalue().splitlines() == [
        "ok     one: holds (0.25 s)",
        "       as seen",
        "ok     one: holds too (0.25 s)",
        "All 2 checks passed.",
    ]


@pytest.mark.parametrize("error", [AssertionError("no\nnot so"), ValueError("no\nnot so"), SystemExit("no\nnot so")])
def test_a_failing_check_is_told_and_does_not_stop_the_others(error: BaseException) -> None:
    written, out = transcript()
    written.run("a", fail(error))
    written.run("b", lambda found: None)
    assert written.finish() == 1
    failed, reason, passed, last = out.getvalue().splitlines()
    assert (failed, passed, last) == ("FAILED a (0.25 s)", "ok     b (0.25 s)", "1 of 2 checks FAILED: a")
    assert reason.startswith(f"       {type(error).__name__}: no not so [{Path(__file__)}:")


def test_the_line_that_failed_is_quoted_also_where_nothing_was_refused() -> None:
    def asserts(_: object) -> None:
        assert 1 == 2

    def expects(_: object) -> None:
        transcript_module.refused(ValueError, int, "3")

    written, out = transcript()
    written.run("a", asserts)
    written.run("b", expects)
    quoted = [line.rpartition(": ")[2] for line in out.getvalue().splitlines() if line.startswith(" ")]
    assert quoted == ["assert 1 == 2]", 'transcript_module.refused(ValueError, int, "3")]']


def test_an_interrupt_stops_the_run() -> None:
    with pytest.raises(KeyboardInterrupt):
        transcript()[0].run("a", fail(KeyboardInterrupt()))


def test_a_skipped_check_is_counted_apart() -> None:
    written, out = transcript()
    written.run("a", lambda found: None)
    written.run("b", lambda found: found.skip("torch is missing"))
    assert written.finish() == 0
    assert out.getvalue().splitlines() == [
        "ok     a (0.25 s)",
        "skip   b (0.25 s)",
        "       torch is missing",
        "1 checks passed; 1 skipped.",
    ]
    written.run("c", fail(ValueError("no")))
    assert written.finish() == 1
    assert out.getvalue().endswith("1 of 3 checks FAILED; 1 skipped: c\n")


@pytest.mark.parametrize(
    ("checks", "last"),
    [
        ([], "FAILED: there was nothing to check.\n"),
        ([lambda found: found.skip("not here")], "FAILED: there was nothing to check; 1 skipped.\n"),
    ],
)
def test_nothing_checked_is_no_success(checks: list[Callable[[Any], None]], last: str) -> None:
    written, out = transcript()
    for check in checks:
        written.run("a", check)
    assert written.finish() == 1
    assert out.getvalue().endswith(last)


def test_a_fact_that_cannot_be_read_is_unknown() -> None:
    written, out = transcript()
    written.state({"Slicer": lambda: "5.12.3", "PythonQt": lambda: {}["version"]})
    assert out.getvalue().splitlines() == ["Slicer: 5.12.3", "PythonQt: unknown (KeyError: 'version')"]


def test_refused_gives_the_message_and_fails_where_nothing_is_refused() -> None:
    assert transcript_module.refused(ValueError, int, "x").startswith("invalid literal")
    with pytest.raises(AssertionError, match="ValueError was expected, it gave 3"):
        transcript_module.refused(ValueError, int, "3")
    with pytest.raises(TypeError):
        transcript_module.refused(ValueError, int, None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of checks, one of which cannot be imported, and one that is none."""
    (tmp_path / "checks_probe.py").write_text(PROBES, encoding="utf-8")
    (tmp_path / "checks_broken.py").write_text("import nosuchmodule\n", encoding="utf-8")
    (tmp_path / "others.py").write_text("raise SystemExit\n", encoding="utf-8")
    return tmp_path


def test_the_checks_of_a_file_are_found_in_its_order(folder: Path) -> None:
    names = [name for name, _ in run_checks.discover(folder, ["probe"])]
    assert names == ["probe: the first", "probe: the second"]


def test_main_runs_every_file_and_says_what_cannot_be_had(folder: Path) -> None:
    out = io.StringIO()
    assert run_checks.main([], folder, out) == 1
    lines = [line for line in out.getvalue().splitlines() if not line.startswith(tuple(run_checks.VERSIONS))]
    assert [line.split(" (")[0] for line in lines if not line.startswith(" ")] == [
        "FAILED broken: can be had",
        "ok     probe: the first",
        "FAILED probe: the second",
        "2 of 3 checks FAILED: broken: can be had, probe: the second",
    ]
    assert any("ModuleNotFoundError: No module named 'nosuchmodule'" in line for line in lines)
    assert any("AssertionError: one is not two" in line for line in lines)
    assert "       seen" in lines


def test_main_runs_the_subjects_that_are_named(folder: Path) -> None:
    (folder / "checks_good.py").write_text("def check_it(transcript):\n    pass\n", encoding="utf-8")
    out = io.StringIO()
    assert run_checks.main(["good"], folder, out) == 0
    assert out.getvalue().endswith(" s)\nAll 1 checks passed.\n")
    assert run_checks.main(["good", "nosuch"], folder, out) == 1
    assert "LookupError: there are checks of broken, good, probe" in out.getvalue()


def test_the_transcript_begins_with_the_versions(folder: Path) -> None:
    out = io.StringIO()
    run_checks.main(["probe"], folder, out)
    names = [line.partition(":")[0] for line in out.getvalue().splitlines()[: len(run_checks.VERSIONS)]]
    assert names == ["Slicer", "Qt", "Python", "VTK", "NumPy", "PythonQt", "System", "Engine"]


def test_the_engine_of_the_checkout_is_found_where_slicer_has_not_added_it(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import run_checks; print(run_checks.engine_version())"
    plain, given = (
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", start + code], check=True, capture_output=True, text=True
        ).stdout
        for start in ("", f"import sys; sys.path.append({str(ROOT / 'EchoApex')!r}); ")
    )
    folder = ROOT / "EchoApex" / "echoapex"
    assert plain == f"{echoapex.__version__} in {folder}, added to sys.path by this script\n"
    assert given == f"{echoapex.__version__} in {folder}\n"


def test_the_script_leaves_with_its_code_as_slicer_does(tmp_path: Path) -> None:
    (tmp_path / "slicer").mkdir()
    (tmp_path / "slicer" / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "slicer" / "util.py").write_text("from sys import exit\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, FOLDER / "run_checks.py", "pythonqt"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 1, done.stderr
    assert "FAILED pythonqt: can be had" in done.stdout
    assert done.stdout.endswith("1 of 1 checks FAILED: pythonqt: can be had\n")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The checks of the environment with this Python for Slicer's."""
    for name in ("ctk", "slicer"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "transcript", transcript_module)
    monkeypatch.setattr(shutil, "which", lambda name: sys.executable if name == "PythonSlicer" else None)
    return load("checks_environment")


@pytest.mark.parametrize(
    "name",
    [
        "check_slicers_python_starts",
        "check_a_child_imports_the_engine_and_ends_with_its_input",
        "check_pipes_of_a_child_are_read_without_waiting",
        "check_the_engine_finds_its_resources",
    ],
)
def test_checks_of_child_processes_hold_in_this_python(environment: ModuleType, name: str) -> None:
    written, out = transcript()
    written.run(name, getattr(environment, name))
    assert written.finish() == 0, out.getvalue()


@pytest.mark.parametrize(
    ("code", "ends"),
    [("VALUE = 1", "ok"), ("import torch", "FAILED"), ("from pydicom import dcmread", "FAILED")],
)
def test_a_module_that_needs_the_model_is_found(
    environment: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, ends: str
) -> None:
    (tmp_path / "EchoApexSegment.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    before = dict(sys.modules)
    written, out = transcript()
    written.run("loads", environment.check_a_module_loads_without_the_packages_of_the_model)
    assert out.getvalue().startswith(ends)
    assert sys.modules == before


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_every_check_takes_a_transcript_and_can_fail(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    compile(tree, file, "exec")
    checks = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")]
    assert bool(checks) == file.name.startswith("checks_")
    for check in checks:
        assert [argument.arg for argument in check.args.args] == ["transcript"], check.name
        body = ast.unparse(check)
        assert any(word in body for word in ("assert ", "refused(", "wait_until(", "import_module(")), check.name


def constants(file: Path) -> dict[str, Any]:
    """The constants of a file of checks, which needs Slicer to be imported."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            with suppress(ValueError):
                found[node.targets[0].id] = ast.literal_eval(node.value)
    return found


PANELS = {
    "EchoApex": ("checks_study.py", ("EchoApex/EchoApex.py", "EchoApex/EchoApexPanelLib/*.py")),
    "EchoApexSegment": ("checks_segment.py", ("EchoApexSegment/**/*.py", "EchoApex/EchoApexPanelLib/shortcuts.py")),
}
"""The checks of each panel, and the files that it is made of."""


@pytest.mark.parametrize("name", PANELS)
def test_every_signal_that_a_panel_connects_is_checked(name: str) -> None:
    checks, patterns = PANELS[name]
    scripts = [script for pattern in patterns for script in ROOT.glob(pattern)]
    text = "".join(script.read_text(encoding="utf-8") for script in scripts)
    connected = set(re.findall(r'\.connect\("([^"]+)"', text))
    checked = constants(FOLDER / checks)
    assert connected == {*checked["SIGNALS"], *checked["OTHER_SIGNALS"]}


@pytest.mark.parametrize("name", PANELS)
def test_the_widgets_that_are_checked_are_in_the_panel(name: str) -> None:
    ui = (ROOT / name / "Resources" / "UI" / f"{name}.ui").read_text(encoding="utf-8")
    classes = {name: kind for kind, name in re.findall(r'<widget class="(\w+)" name="(\w+)"', ui)}
    checked = constants(FOLDER / PANELS[name][0])
    assert {name: classes.get(name) for name in checked["CLASSES"]} == checked["CLASSES"]
    assert set(checked["SIGNALS"].values()) <= classes.keys()


def members(widgets: dict[str, Any], name: str) -> set[str]:
    """The names that a class of the manifest has, with those of its bases there."""
    entry = widgets.get(name, {})
    own = {
        item for kind in ("properties", "signals", "slots", "invokable", "enumerators") for item in entry.get(kind, [])
    }
    return own.union(*(members(widgets, base) for base in entry.get("bases", [])))


def dotted(file: Path) -> Iterator[str]:
    """Every full name a.b.c that a file uses."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and ast.unparse(node).replace(".", "").isidentifier():
            yield ast.unparse(node)


def unknown_names(manifest: dict[str, Any], file: Path) -> list[str]:
    """The names of ctk, of Slicer's widgets, application and Python modules that a file uses and the manifest lacks."""
    known = {f"{package}.{name}" for name in manifest["widgets"] for package in ("ctk", "slicer")}
    known |= {f"slicer.app.{name}" for name in members(manifest["widgets"], "qSlicerApplication") | FROM_QT}
    known |= {f"slicer.{module}.{name}" for module, functions in manifest["python"].items() for name in functions}
    starts = ("ctk.", "slicer.q", "slicer.app.", *(f"slicer.{module}." for module in manifest["python"]))
    return sorted({name for name in dotted(file) if name.startswith(starts)} - known)


def util_functions() -> dict[str, str]:
    """The functions of slicer.util, read from slicer-core, which has it as Slicer does; skips where that is missing."""
    spec = importlib.util.find_spec("slicer")
    if spec is None or spec.origin is None:
        pytest.skip("slicer-core, which has slicer.util, is not installed")
    tree = ast.parse(Path(spec.origin).with_name("util.py").read_text(encoding="utf-8"))
    return {node.name: ast.unparse(node.args) for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_names_that_the_manifest_lacks_are_found(tmp_path: Path) -> None:
    manifest = {
        "widgets": {"qSlicerApplication": {"bases": ["qBase"], "slots": ["pause"]}, "qBase": {"invokable": ["ask"]}},
        "python": {"util": {"exit": "()"}},
    }
    file = tmp_path / "probe.py"
    file.write_text(
        "slicer.app.pause(slicer.app.ask(), slicer.app.nosuch)\nslicer.util.exit(slicer.util.none)\nctk.ctkNone()\n",
        encoding="utf-8",
    )
    assert unknown_names(manifest, file) == ["ctk.ctkNone", "slicer.app.nosuch", "slicer.util.none"]


@pytest.mark.skipif(not MANIFEST.is_file(), reason="there is no Testing/Host/slicer_api.json to compare with")
@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_the_checks_use_only_names_that_slicer_has(file: Path) -> None:
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    assert {"packaging"} <= manifest["python"].keys()
    assert unknown_names({**manifest, "python": {**manifest["python"], "util": util_functions()}}, file) == []
