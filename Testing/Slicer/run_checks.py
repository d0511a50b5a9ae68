"""Runs the checks of this folder inside 3D Slicer and leaves with exit code 0 when all pass.

Slicer --testing --python-script Testing/Slicer/run_checks.py [pythonqt] [environment] ...
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

FOLDER = Path(__file__).resolve().parent
LIBRARIES = FOLDER.parents[1] / "EchoApex"
if str(FOLDER) not in sys.path:
    sys.path.insert(0, str(FOLDER))

from transcript import Transcript  # noqa: E402

Check = Callable[[Transcript], object]


def slicer_version() -> str:
    import slicer

    return f"{slicer.app.applicationVersion}, revision {slicer.app.revision}"


def qt_version() -> str:
    import qt

    return qt.qVersion()


def pythonqt_version() -> str:
    import PythonQt

    return PythonQt.__version__


def vtk_version() -> str:
    import vtk

    return vtk.vtkVersion.GetVTKVersion()


def numpy_version() -> str:
    import numpy as np

    return np.__version__


def engine_version() -> str:
    """Version and folder of the engine; adds that of the checkout where Slicer has none on its path."""
    added = importlib.util.find_spec("echoapex") is None
    if added:
        sys.path.append(str(LIBRARIES))
    import echoapex

    folder = Path(echoapex.__file__).parent
    return f"{echoapex.__version__} in {folder}{', added to sys.path by this script' if added else ''}"


VERSIONS = {
    "Slicer": slicer_version,
    "Qt": qt_version,
    "Python": platform.python_version,
    "VTK": vtk_version,
    "NumPy": numpy_version,
    "PythonQt": pythonqt_version,
    "System": platform.platform,
    "Engine": engine_version,
}


def checks_of(file: Path) -> list[tuple[str, Check]]:
    """The functions check_* that a file defines, in its order, by a readable name."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    subject = file.stem.removeprefix("checks_")
    return [
        (f"{subject}: {name.removeprefix('check_').replace('_', ' ')}", function)
        for name, function in vars(module).items()
        if name.startswith("check_") and getattr(function, "__module__", "") == file.stem
    ]


def discover(folder: Path, subjects: Sequence[str]) -> Iterator[tuple[str, Check]]:
    """The checks of the wanted subjects, of all when none is named; what cannot be had is a check that fails."""
    files = {file.stem.removeprefix("checks_"): file for file in sorted(folder.glob("checks_*.py"))}
    for subject in subjects or files:
        try:
            if subject not in files:
                raise LookupError(f"there are checks of {', '.join(files) or 'nothing'}")
            yield from checks_of(files[subject])
        except Exception as error:
            yield f"{subject}: can be had", _failing(error)


def _failing(error: Exception) -> Check:
    def check(transcript: Transcript) -> None:
        raise error

    return check


def main(arguments: Sequence[str], folder: Path = FOLDER, out: TextIO | None = None) -> int:
    """Runs the checks of the subjects named in `arguments`, of all when none is; the exit code."""
    transcript = Transcript(out)
    transcript.state(VERSIONS)
    for name, check in discover(folder, arguments):
        transcript.run(name, check)
    return transcript.finish()


if __name__ == "__main__":
    from slicer.util import exit as leave

    leave(main(sys.argv[1:]))
