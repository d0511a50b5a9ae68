"""The Slicer scene of a report, written by a process of its own: the engine itself knows nothing of Slicer."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SCENE_FILE = "scene.mrb"

_WRITER = "EchoApexLib.writeScene"
_NEEDED = ("slicer", "EchoApexLib")


@dataclass(frozen=True)
class SceneWritten:
    """Where the scene is, None where there is none, and in a sentence what is to be said of it."""

    path: Path | None
    message: str = ""


def write_scene(folder: Path) -> SceneWritten:
    """Writes ``scene.mrb`` beside the ``report.json`` in ``folder``; never raises: a report stands without a scene."""
    scene = folder / SCENE_FILE
    try:
        # One of an earlier run would tell of another report.
        scene.unlink(missing_ok=True)
        if any(importlib.util.find_spec(name) is None for name in _NEEDED):
            later = f"Later: python -m {_WRITER} {folder}"
            return SceneWritten(None, f"No {SCENE_FILE} was written: that needs 3D Slicer or slicer-core. {later}")
        done = _run_writer(folder)
    except OSError as error:
        return SceneWritten(None, f"No {SCENE_FILE} was written: {error.strerror}")
    # Its messages carry the program's name, as ours will.
    said = " ".join(line.removeprefix("echoapex: ") for line in done.stderr.split("\n")[-4:]).strip()
    if not scene.is_file():
        return SceneWritten(None, f"No {SCENE_FILE} was written: {said or f'exit code {done.returncode}'}")
    return SceneWritten(scene, "" if done.returncode == 0 else f"{SCENE_FILE} is not complete: {said}")


def remove_scene(folder: Path) -> SceneWritten:
    """Removes the scene of an earlier run, which would tell of another report, where no new one is wanted."""
    try:
        (folder / SCENE_FILE).unlink(missing_ok=True)
    except OSError as error:
        return SceneWritten(None, f"{SCENE_FILE} of an earlier run could not be removed: {error.strerror}")
    return SceneWritten(None)


def _run_writer(folder: Path) -> subprocess.CompletedProcess[str]:
    # The child must find what this process found, whichever way that was installed.
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-m", _WRITER, str(folder)]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
