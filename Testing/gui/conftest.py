"""The Host for the tests of panels: started once, off screen, and left without Python's own ending."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

_SESSION = pytest.StashKey[pytest.Session]()
HOST = Path(__file__).resolve().parents[1] / "Host"
PROBE = Path(__file__).parent / "modules" / "HostProbe" / "HostProbe.py"


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The running Host (``app``, ``window``), with the modules of the repository and the probe loaded."""
    request.config.stash[_SESSION] = request.session
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    sys.path.insert(0, str(HOST))
    import slicerhost.host as starting
    from slicerhost.driving import settle

    running = starting.boot(testing=True)
    starting.loadModules(running)
    starting.addModule(running, PROBE)
    running.window.show()
    settle()
    yield running
    starting.close(running)


@pytest.fixture(autouse=True)
def noOtherWindows(request: pytest.FixtureRequest) -> Iterator[None]:
    """Closes the windows that a test has left open: keys and shortcuts would go to them."""
    yield
    if "host" in request.fixturenames:
        from slicerhost.driving import closeOtherWindows

        closeOtherWindows(request.getfixturevalue("host").window)


class _Uncaught:
    """Exceptions in slots and observers, which Qt and VTK would only print."""

    def __init__(self) -> None:
        self.found: list[BaseException] = []

    def __call__(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        self.found.append(error)


@pytest.fixture
def uncaught(host: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException]]:
    """What slots and observers raised; the test fails where any is left in the list."""
    hook = _Uncaught()
    monkeypatch.setattr(sys, "excepthook", hook)
    yield hook.found
    if hook.found:
        raise hook.found[0]


@pytest.fixture
def scene(host: Any, uncaught: list[BaseException]) -> Iterator[Any]:
    """The application's scene, empty before and after."""
    import slicer
    from slicerhost.driving import settle

    slicer.mrmlScene.Clear(0)
    settle()
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(0)
    settle()


@pytest.fixture
def red(host: Any, scene: Any) -> Any:
    """A user's hand on the red slice view."""
    import slicer
    from slicerhost.driving import SliceDriver

    return SliceDriver(slicer.app.layoutManager().sliceWidget("Red"))


@pytest.fixture
def plot(host: Any) -> Any:
    """A user's hand on the plot view."""
    import slicer
    from slicerhost.driving import PlotDriver

    return PlotDriver(slicer.app.layoutManager().plotWidget(0))


@pytest.fixture
def key(host: Any) -> Any:
    """Presses a key in the main window, where nothing else has the focus."""
    from PySide6.QtGui import QKeySequence
    from PySide6.QtTest import QTest
    from PySide6.QtWidgets import QApplication
    from slicerhost.driving import settle

    def send(keys: str) -> None:
        host.window.activateWindow()
        if QApplication.focusWidget() is not None:
            QApplication.focusWidget().clearFocus()
        settle()
        QTest.keySequence(host.window, QKeySequence(keys))
        settle(80)

    return send


@pytest.fixture
def panelOf(host: Any, scene: Any) -> Any:
    """A function that selects a module by name and returns the instance of its widget class."""
    import slicer
    from slicerhost.driving import settle

    def select(name: str) -> Any:
        slicer.util.selectModule(name)
        settle()
        return slicer.util.getModuleWidget(name)

    return select


@pytest.fixture(scope="session")
def keptProcess(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Gives one and the same inference process whenever a panel starts one: loading the model takes seconds."""
    from echoapex.serving import InferenceProcess
    from echoapex.serving.restarting_client import serve_command

    class Kept(InferenceProcess):
        """Outlives the closing of a scene; what was asked does not."""

        def close(self) -> None:
            self._waiting.clear()
            self._sent.clear()

    cache = str(tmp_path_factory.mktemp("cache"))
    processes: list[Kept] = []

    def start(model: Path, said: Callable[[str], None]) -> Kept:
        if not processes:
            processes.append(Kept(serve_command(model), environment={"ECHOAPEX_CACHE": cache}))
        processes[0]._news = said
        return processes[0]

    yield start
    for process in processes:
        InferenceProcess.close(process)


@pytest.fixture
def ownProcess() -> None:
    """For tests whose inference process is started and ended by their panel, as users have it."""


@pytest.fixture
def panel(
    request: pytest.FixtureRequest,
    panelOf: Any,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    keptProcess: Callable[..., Any],
) -> Iterator[Any]:
    """The panel of EchoApexSegment with the shipped model, and with its own folder for encoded frames."""
    monkeypatch.setenv("ECHOAPEX_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("ECHOAPEX_MODELS", str(tmp_path_factory.mktemp("no-models")))
    found = panelOf("EchoApexSegment")
    if "ownProcess" not in request.fixturenames:
        monkeypatch.setattr(found.bench, "_startProcess", keptProcess)
    found.setTool("none")
    found.ui.polarityButton.setChecked(False)
    yield found
    found.bench.close()


@pytest.fixture
def studyPanel(panelOf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The panel of EchoApex with nothing open, and with a folder of its own for reports."""
    from EchoApexLib.study.clipList import ClipList
    from EchoApexLib.study.studyAnalysis import StudyAnalysis

    monkeypatch.setenv("ECHOAPEX_MODELS", str(tmp_path / "no-models"))
    found = panelOf("EchoApex")
    found.ui.folderEdit.currentPath = str(tmp_path / "reports")
    yield found
    # It may have been reloaded.
    found = panelOf("EchoApex")
    found.study.close()
    found.study.list, found.study.leftOut, found.study.analysis = ClipList(), (), None
    found.study._start = StudyAnalysis
    found.say("")
    found.outdate()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Leaves at once where the Host was started: Python's own ending may abort after its changes to PySide6."""
    if _SESSION in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(config.stash[_SESSION].exitstatus))
