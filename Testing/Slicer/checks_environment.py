"""What the modules need of the application around them: its Python, its widgets, its packages."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ctk
import slicer
from transcript import Transcript

PATIENCE_S = 60.0
MODULES = ("EchoApex", "EchoApexSegment", "EchoApexTrain")
HEAVY = ("torch", "torchvision", "timm", "segment_anything", "cv2", "pydicom", "SimpleITK", "gdcm", "scipy")


@contextmanager
def forgotten(forbidden: tuple[str, ...]) -> Iterator[None]:
    """Within it our modules are not imported yet, and importing a forbidden package raises ImportError."""
    before = dict(sys.modules)
    for name in before:
        if name.lower().startswith("echoapex") or name.partition(".")[0] in forbidden:
            del sys.modules[name]
    sys.modules.update(dict.fromkeys(forbidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in sys.modules.keys() - before.keys():
            del sys.modules[name]
        sys.modules.update(before)


def python_slicer() -> str:
    """The path of Slicer's Python; raises AssertionError when there is none."""
    found = shutil.which("PythonSlicer")
    assert found is not None, "PythonSlicer is not on the PATH"
    return found


def engine_folder() -> Path:
    """The folder from which this Slicer imports the engine."""
    import echoapex

    return Path(echoapex.__file__).resolve().parents[1]


@contextmanager
def child(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child process in Slicer's Python with the engine on its path; it is ended when it has not ended itself."""
    path = os.pathsep.join(filter(None, (str(engine_folder()), os.environ.get("PYTHONPATH", ""))))
    process = subprocess.Popen(
        [python_slicer(), "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def check_modules_are_loaded(transcript: Transcript) -> None:
    loaded = [name for name in MODULES if slicer.app.moduleManager().module(name) is not None]
    transcript.note(f"loaded: {', '.join(loaded) or 'none'}")
    assert "EchoApexSegment" in loaded, "EchoApexSegment is not loaded"


def check_a_module_loads_without_the_packages_of_the_model(transcript: Transcript) -> None:
    with forgotten(HEAVY):
        importlib.import_module("EchoApexSegment")


def check_the_engine_finds_its_resources(transcript: Transcript) -> None:
    from echoapex import resources

    found = resources.path("Terminologies/structures.json")
    transcript.note(str(found))
    assert found.is_file()


def check_slicers_python_starts(transcript: Transcript) -> None:
    done = subprocess.run(
        [python_slicer(), "-c", "print('started')"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    transcript.note(python_slicer())
    assert (done.returncode, done.stdout.split()) == (0, ["started"]), done.stderr


def check_a_child_imports_the_engine_and_ends_with_its_input(transcript: Transcript) -> None:
    with child("import echoapex, sys; print(echoapex.__file__, flush=True); sys.stdin.read()") as process:
        assert process.stdout is not None and process.stdin is not None
        answer = Path(process.stdout.readline().decode().strip())
        assert answer.resolve().parents[1] == engine_folder(), answer
        assert process.poll() is None, "it ended before its input did"
        process.stdin.close()
        process.stdin = None
        assert process.wait(PATIENCE_S) == 0


def check_pipes_of_a_child_are_read_without_waiting(transcript: Transcript) -> None:
    with child("import sys; sys.stdin.readline(); print('answer', flush=True); sys.stdin.read()") as process:
        assert process.stdout is not None and process.stdin is not None
        os.set_blocking(process.stdout.fileno(), False)
        assert not process.stdout.raw.read(64), "there is an answer before the question"
        process.stdin.write(b"question\n")
        process.stdin.flush()
        answer, end = None, time.monotonic() + PATIENCE_S
        while not answer and time.monotonic() < end:
            time.sleep(0.01)
            answer = process.stdout.raw.read(64)
        assert (answer or b"").split() == [b"answer"]


def check_the_segment_editor_can_be_made(transcript: Transcript) -> None:
    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(slicer.mrmlScene)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    editor.setMRMLSegmentEditorNode(node)
    assert editor.mrmlSegmentEditorNode() is node
    editor.setMRMLSegmentEditorNode(None)
    slicer.mrmlScene.RemoveNode(node)


def check_widgets_of_sequences_and_markups_can_be_made(transcript: Transcript) -> None:
    kinds = (
        slicer.qMRMLSequenceBrowserToolBar,
        slicer.qMRMLSequenceBrowserPlayWidget,
        slicer.qMRMLSequenceBrowserSeekWidget,
        slicer.qSlicerMarkupsPlaceWidget,
        slicer.qMRMLSegmentsTableView,
        slicer.qMRMLNodeComboBox,
    )
    for kind in kinds:
        widget = kind()
        widget.setMRMLScene(slicer.mrmlScene)
        assert widget.inherits("QWidget"), kind


def check_the_dicom_browser_can_be_made(transcript: Transcript) -> None:
    browser = ctk.ctkDICOMBrowser()
    assert browser.inherits("QWidget")


def check_packages_can_be_installed(transcript: Transcript) -> None:
    newer = importlib.util.find_spec("slicer.packaging") is not None
    transcript.note("by slicer.packaging" if newer else "by slicer.util.pip_install: this Slicer is older than 5.12")
    # The package has the attribute only once this module is imported.
    installer = importlib.import_module("slicer.packaging").pip_ensure if newer else slicer.util.pip_install
    assert callable(installer)


def check_what_the_model_needs_is_told(transcript: Transcript) -> None:
    installer = slicer.app.moduleManager().module("PyTorchUtils") is not None
    missing = [name for name in HEAVY if importlib.util.find_spec(name) is None]
    transcript.note(f"PyTorchUtils is {'' if installer else 'not '}loaded; missing: {', '.join(missing) or 'nothing'}")
    assert not {"pydicom", "SimpleITK", "scipy"} & set(missing), "Slicer brings these itself"
