"""The Slicer scene of a report, written by a process of its own: the engine itself knows nothing of Slicer."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..report.report_folder import SCENE_FILE

_WRITER = "EchoApexLib.writeScene"
_NEEDED = ("slicer", "EchoApexLib")


@dataclass(frozen=True)
class SceneWritten:
    """Where the scene is, None where there is none, and in a sentence what is to be said of it."""

    path: Path | None
    message: str = ""


def write_scene(folder: Path, lies_in: Path | None = None) -> SceneWritten:
    """Writes ``scene.mrb`` beside the ``report.json`` in ``folder``; never raises: a report stands without a scene.

    ``lies_in`` is where the report will lie, if not in ``folder``: its clips are named from there, and the path that is
    given back is there.
    """
    home = lies_in or folder
    try:
        if any(importlib.util.find_spec(name) is None for name in _NEEDED):
            later = f"Later: python -m {_WRITER} {home}"
            return SceneWritten(None, f"No {SCENE_FILE} was written: that needs 3D Slicer or slicer-core. {later}")
        done = _run_writer(folder, lies_in)
    except OSError as error:
        return SceneWritten(None, f"No {SCENE_FILE} was written: {error.strerror}")
    # Its messages carry the program's name, as ours will.
    said = " ".join(line.removeprefix("echoapex: ") for line in done.stderr.split("\n")[-4:]).strip()
    if not (folder / SCENE_FILE).is_file():
        return SceneWritten(None, f"No {SCENE_FILE} was written: {said or f'exit code {done.returncode}'}")
    return SceneWritten(home / SCENE_FILE, "" if done.returncode == 0 else f"{SCENE_FILE} is not complete: {said}")


def _run_writer(folder: Path, lies_in: Path | None) -> subprocess.CompletedProcess[str]:
    # The child must find what this process found, whichever way that was installed.
    path = os.pathsep.join(filter(None, sys.path))
    command = [sys.executable, "-m", _WRITER, str(folder), "--parent", str(os.getpid())]
    if lies_in is not None:
        command += ["--out", str(folder / SCENE_FILE), "--lies-in", str(lies_in)]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
