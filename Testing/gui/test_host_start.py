"""The Host as it is started by hand, and on a screen with small pixels: in processes of their own."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

TESTING = Path(__file__).resolve().parents[1]

PROBE_ONLY = """
import sys
from pathlib import Path
import slicerhost.host as starting
starting.ROOT, starting.MODULES = Path(sys.argv[1]), ("HostProbe",)
"""

START = (
    PROBE_ONLY
    + """
from PySide6 import QtCore
import slicer
from slicerhost.__main__ import main

def said():
    panel = slicer.modules.HostProbeWidget
    print("opened", panel.opened, "entered", panel.calls, "testing", slicer.app.testingEnabled(), flush=True)
    print("title", running.window.windowTitle(), flush=True)
    running.window.close()

boot = starting.boot
def bootAndClose(**how):
    global running
    running = boot(**how)
    QtCore.QTimer.singleShot(200, said)
    return running

starting.boot = bootAndClose
main(sys.argv[2:])
"""
)

SMALL_PIXELS = (
    PROBE_ONLY
    + """
import numpy as np
running = starting.boot(testing=True)
running.window.show()
import slicer
from slicerhost.driving import SliceDriver, settle
settle(50)
red = SliceDriver(slicer.app.layoutManager().sliceWidget("Red"))
assert red.pixels().shape[1] == 2 * red.screen.width(), (red.pixels().shape, red.screen.size())
points = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Points")
points.CreateDefaultDisplayNodes()
place = slicer.qSlicerMarkupsPlaceWidget()
place.setMRMLScene(slicer.mrmlScene)
place.setCurrentNode(points)
place.setPlaceModeEnabled(True)
red.click((100, 60))
found = np.array(points.GetNthControlPointPositionWorld(0))
print("misses by", np.abs(found - red.toRAS((100, 60))).max() <= 0.01, flush=True)
starting.leave(running, 7)
"""
)


def started(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # The engine of this very checkout, whichever is installed.
    paths = os.pathsep.join([str(TESTING / "Host"), str(TESTING.parent / "EchoApex")])
    given = os.environ | {"PYTHONPATH": paths, "QT_QPA_PLATFORM": "offscreen"} | environment
    command = [sys.executable, "-c", code, str(TESTING / "gui" / "modules"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=given, timeout=120)


def test_files_are_opened_and_closing_the_window_ends_it(tmp_path: Path) -> None:
    ended = started(START, "a.dcm", "b.dcm", TMPDIR=str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    assert "opened ['a.dcm', 'b.dcm'] entered ['enter'] testing False" in ended.stdout
    assert "title EchoApex Host: not 3D Slicer" in ended.stdout
    assert list(tmp_path.iterdir()) == [], "the temporary folder is removed"


def test_a_file_that_is_refused_is_told_in_the_terminal(tmp_path: Path) -> None:
    ended = started(START, "bad.dcm", "nosuch.mrb", "b.dcm", TMPDIR=str(tmp_path))
    assert ended.returncode == 0 and "opened ['b.dcm']" in ended.stdout
    assert "EchoApex Host: bad.dcm cannot be opened.\n" in ended.stderr
    assert "EchoApex Host: nosuch.mrb: This archive cannot be read" in ended.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display_nothing_is_seen_unless_a_platform_was_named(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from slicerhost.__main__ import _chooseDisplay

    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    told: list[str] = []
    monkeypatch.setattr("slicerhost.__main__._tell", told.append)
    monkeypatch.setenv("QT_QPA_PLATFORM", "vnc")
    _chooseDisplay()
    assert told == [] and os.environ["QT_QPA_PLATFORM"] == "vnc"
    monkeypatch.delenv("QT_QPA_PLATFORM")
    _chooseDisplay()
    assert told == ["there is no display, so that nothing will be seen"]
    assert os.environ["QT_QPA_PLATFORM"] == "offscreen"


def test_the_menu_saves_a_scene_and_opens_it(
    host: Any, scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PySide6 import QtWidgets

    dialogs = QtWidgets.QFileDialog
    monkeypatch.setattr(dialogs, "exec", lambda dialog: dialog.selectFile(str(tmp_path / "work")) or 1)
    monkeypatch.setattr(dialogs, "getOpenFileName", lambda *_: (str(tmp_path / "work.mrb"), ""))
    actions = {action.text(): action for action in host.window.menuBar().actions()[0].menu().actions()}
    scene.AddNewNodeByClass("vtkMRMLTextNode", "Kept").SetText("text")
    actions["Save scene..."].trigger()
    assert host.window.statusBar().currentMessage() == f"The scene was saved: {tmp_path / 'work.mrb'}"
    scene.Clear(0)
    actions["Open scene..."].trigger()
    assert scene.GetFirstNodeByName("Kept") is not None
    (tmp_path / "work.mrb").write_text("no scene")
    actions["Open scene..."].trigger()
    assert "work.mrb: This archive cannot be read" in host.window.statusBar().currentMessage()
    with ZipFile(tmp_path / "work.mrb", "w") as hostile:
        hostile.writestr("scene/scene.mrml", "<MRML/>")
        hostile.writestr(f"{tmp_path}/written", "x")
    actions["Open scene..."].trigger()
    assert "names below its folder only" in host.window.statusBar().currentMessage()
    assert not (tmp_path / "written").exists()


def test_a_click_on_a_screen_with_small_pixels_goes_where_it_was_made() -> None:
    ended = started(SMALL_PIXELS, QT_SCALE_FACTOR="2")
    assert (ended.returncode, ended.stdout) == (7, "misses by True\n"), ended.stderr


def test_wrong_usage_is_told_before_anything_is_loaded() -> None:
    command = [sys.executable, "-m", "slicerhost", "--nothing"]
    given = os.environ | {"PYTHONPATH": str(TESTING / "Host")}
    ended = subprocess.run(command, check=False, capture_output=True, text=True, env=given)
    assert ended.returncode == 2 and ended.stderr.startswith("usage: run.py app")


def run_file() -> Any:
    """``run.py`` as a module."""
    specification = importlib.util.spec_from_file_location("echoapex_run", TESTING.parent / "run.py")
    assert specification is not None and specification.loader is not None
    run = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(run)
    return run


def test_run_py_starts_it_where_the_user_is(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_file()
    calls: list[Any] = []
    monkeypatch.setattr(run, "ensure_environment", lambda extras: calls.append(extras) or Path("python"))
    monkeypatch.setattr(run, "execute", lambda *given: calls.append(given) or 3)
    assert run.main(["app", "clip.dcm"]) == 3
    extras, (command, environment) = calls
    assert extras == {"dev"} and command == ["python", "-m", "slicerhost", "clip.dcm"]
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(TESTING / "Host")


@pytest.mark.parametrize(("verb", "extras"), [("analyze", {"slicer"}), ("curate", {"training"}), ("info", set())])
def test_run_py_installs_what_a_verb_needs(monkeypatch: pytest.MonkeyPatch, verb: str, extras: set[str]) -> None:
    run, calls = run_file(), []
    monkeypatch.setattr(run, "ensure_environment", lambda wanted: calls.append(wanted) or Path("python"))
    monkeypatch.setattr(run, "execute", lambda *_: 0)
    assert run.main(["echoapex", verb, "folder"]) == 0 and calls == [extras]


def test_many_qt_calls_do_not_end_the_process(tmp_path: Path) -> None:
    """PySide6 gives back more references to None than it took; on Python 3.11 that used to be fatal after thousands."""
    program = (
        f"import os, sys; sys.path.insert(0, {str(TESTING / 'Host')!r})\n"
        "from slicerhost import host\n"
        "host.boot(testing=True)\n"
        "import qt\n"
        "label = qt.QLabel()\n"
        "for _ in range(20_000):\n"
        "    label.setText('x')\n"
        "print('alive', flush=True)\n"
        "os._exit(0)\n"
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "alive" in done.stdout, done.stderr[-2000:]
