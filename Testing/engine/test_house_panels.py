"""The check of panel code finds what PySide6 forgives and Slicer does not, and lets pass what both do alike."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent
from types import ModuleType

import pytest
from panel_snippets import HEAD, IN_A_METHOD, WHOLE_FILES

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "torchvision", "timm", "segment_anything", "SimpleITK", "pydicom", "gdcm", "cv2", "scipy"}


def load(name: str) -> ModuleType:
    """A module of .ci, which is no package."""
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(ROOT / ".ci"))


check_panels = load("check_panels")
RULES = load("panel_names").RULES


def rules_of(text: str) -> set[str]:
    return {found.rule for found in check_panels.findings(text)}


def in_a_method(code: str) -> str:
    """A whole file in which `code` stands in a method of a module's widget."""
    panel = "\n\nclass Panel(ScriptedLoadableModuleWidget):\n    def onClicked(self):\n"
    return HEAD + panel + indent(dedent(code), " " * 8) + "\n"


def snippets(kept: bool) -> list[object]:
    """The snippets that keep a rule, or those that break it, each with the rule and as a whole file."""
    tables = [(IN_A_METHOD, in_a_method), (WHOLE_FILES, lambda code: f"{HEAD}\n{code}\n")]
    return [
        pytest.param(rule, wrap(code), id=f"{rule}: {code}")
        for table, wrap in tables
        for rule, examples in table.items()
        for code in examples[kept]
    ]


@pytest.mark.parametrize(("rule", "text"), snippets(kept=False))
def test_what_breaks_a_rule_is_found(rule: str, text: str) -> None:
    assert rule in rules_of(text)


@pytest.mark.parametrize(("rule", "text"), snippets(kept=True))
def test_what_keeps_a_rule_is_not_found(rule: str, text: str) -> None:
    assert rule not in rules_of(text)


def test_every_rule_has_snippets() -> None:
    assert IN_A_METHOD.keys() | WHOLE_FILES.keys() == RULES.keys() - {"suppression"}


def test_an_ordinary_panel_breaks_no_rule() -> None:
    code = """
        self.button = qt.QPushButton(_("Run"))
        self.button.setToolTip(_("Outlines this frame"))
        self.button.clicked.connect(self.onClicked)
        self.layout.addWidget(self.button)
        self.model = qt.QStandardItemModel(0, 3, self.button)
        self.timer = qt.QTimer(self.parent)
        self.timer.setSingleShot(True)
        self.timer.timeout.connect(self.onClicked)
    """
    assert rules_of(in_a_method(code)) == set()


def test_a_suppression_allows_one_rule_on_its_line() -> None:
    assert rules_of(in_a_method("time.sleep(1)  # panel: sleep the camera needs a second")) == set()
    assert rules_of(in_a_method("print(w.text())  # panel: print for the console")) == {"getter-call"}


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("# panel: sleep", {"sleep", "suppression"}),
        ("# panel:", {"sleep", "suppression"}),
        ("# panel: print it is long", {"sleep", "suppression"}),
        ("# panel: nosuchrule it is long", {"sleep", "suppression"}),
    ],
)
def test_a_suppression_without_reason_or_use_is_refused(comment: str, left: set[str]) -> None:
    assert rules_of(in_a_method(f"time.sleep(1)  {comment}")) == left


def test_main_names_the_file_the_line_and_the_rule(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["EchoApex/EchoApex.py", "EchoApexSegment/EchoApexSegmentLib/keys.py", "EchoApexTrain/EchoApexTrain.py"]
    text = in_a_method("w.text()")
    for place in places:
        file = tmp_path / place
        file.parent.mkdir(parents=True)
        file.write_text(text, encoding="utf-8")
    line = 1 + text[: text.index("w.text()")].count("\n")
    assert check_panels.main(tmp_path) == 1
    printed = capsys.readouterr()
    found = [row.split(" ", 2)[:2] for row in printed.out.splitlines()]
    assert found == [[f"{place}:{line}:", "getter-call"] for place in places]
    assert printed.err == ""


def test_glue_and_engine_are_no_panel_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in (
        "EchoApex/EchoApexLib/sequences/cineSequence.py",
        "EchoApex/echoapex/cine.py",
        "Testing/gui/test_panel.py",
    ):
        file = tmp_path / place
        file.parent.mkdir(parents=True)
        file.write_text("print('x')\n", encoding="utf-8")
    assert check_panels.main(tmp_path) == 0
    assert capsys.readouterr() == ("", "check_panels: there is no panel code\n")


def test_the_panels_of_the_repository_break_no_rule() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / ".ci" / "check_panels.py"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_engine_that_panels_may_import_at_start_is_light() -> None:
    heavy = load("panel_names").HEAVY_ENGINE
    names = [".".join(path.relative_to(ROOT / "EchoApex").with_suffix("").parts) for path in engine_files()]
    light = [name for name in names if not f"{name}.".startswith(tuple(f"{start}." for start in heavy))]
    assert {"echoapex.errors", "echoapex.session.session", "EchoApexLib.study.studyInScene"} <= set(light)
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, *light], check=True, capture_output=True, text=True, cwd=ROOT / "EchoApex"
    )
    assert {name.partition(".")[0] for name in done.stdout.split()}.isdisjoint(HEAVY)


def engine_files() -> list[Path]:
    """The files of the engine and the glue that are there to be imported."""
    found = [path for folder in ("echoapex", "EchoApexLib") for path in (ROOT / "EchoApex" / folder).rglob("*.py")]
    return sorted(path for path in found if path.stem not in ("__main__", "__init__"))
