"""``python -m EchoApexLib.writeScene REPORT_FOLDER``: the Slicer scene of a report, with Slicer's libraries alone."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from echoapex.console import Parser, harmless_libraries, print_line, say
from echoapex.errors import EchoApexError
from echoapex.io.output_folder import OutputFolder
from echoapex.serving.parent_watch import watch_end

from .record.studyContents import SceneStudy
from .study.studyFromReport import readReport
from .study.studyInScene import writeScene

SCENE_FILE = "scene.mrb"


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the scene and prints its path; 1 when it could not be written, or not with all clips of the report."""
    parser = Parser(prog="python -m EchoApexLib.writeScene", description="Writes the scene of a report.")
    parser.add_argument("folder", type=Path, help="where report.json lies")
    parser.add_argument(
        "--out", type=Path, help=f"the .mrb to write; {SCENE_FILE} in the folder of the report if not given"
    )
    parser.add_argument(
        "--lies-in", type=Path, metavar="FOLDER", help="where the report will lie: its clips are named from there"
    )
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process has ended (for programs)")
    chosen = parser.parse_args(arguments)
    if chosen.parent is not None:
        # What is half written then lies in the hidden folder of a run, which the next one clears.
        watch_end(chosen.parent, lambda: os._exit(1))
    if importlib.util.find_spec("slicer") is None:
        say("a scene needs Slicer's libraries, and this Python has none. Install them with: pip install slicer-core")
        return 1
    _hideWarnings()
    with harmless_libraries():
        return _write(chosen)


def _write(chosen: argparse.Namespace) -> int:
    try:
        study, refusals = readReport(chosen.folder, chosen.lies_in)
        written = writeScene(chosen.out, study) if chosen.out else _addScene(chosen.folder, study)
    except EchoApexError as refusal:
        say(str(refusal))
        return 1
    for left_out in refusals:
        say(f"left out of the scene: {left_out}")
    print_line(written)
    return 1 if refusals else 0


def _addScene(folder: Path, study: SceneStudy) -> Path:
    """Writes the scene beside its report, where it counts as a part of it; one that a user saved there stays."""
    with OutputFolder(folder, "report", [SCENE_FILE]) as output:
        writeScene(output.staging / SCENE_FILE, study)
        (written,) = output.publish(adding=True)
    return written


def _hideWarnings() -> None:
    """Slicer warns for each frame with landmarks that a sequence has no unit of length; errors are still shown."""
    import vtk

    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)


if __name__ == "__main__":
    sys.exit(main())
