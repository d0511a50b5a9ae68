"""Sample data: a study of a simulated heart, made on the spot by a process of its own, and a real cine of pydicom.

No Qt: whoever holds `SampleStudies` calls `SampleStudies.poll` every now and then.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from echoapex.errors import EchoApexError
from echoapex.serving.watched_process import WatchedProcess

from ..pythonDependencies import pythonExecutable

REAL_CINE = "examples_ybr_color.dcm"
"""A color cine of a real heart, A4C, which comes with pydicom."""


def realCine() -> Path:
    """The file of the real cine; nothing is downloaded. Raises `EchoApexError` where this pydicom has none."""
    from pydicom.data import get_testdata_file

    found = get_testdata_file(REAL_CINE, download=False)
    if found is None:
        raise EchoApexError("This pydicom comes without its sample cine", value=REAL_CINE)
    return Path(str(found))


class SampleStudies:
    """Has a simulated study made, one at a time: ``made`` gets its folder, ``said`` a sentence on how far it is."""

    def __init__(self, made: Callable[[Path], object], said: Callable[[str], object]) -> None:
        self._made, self._said = made, said
        self.underWay: SimulatedStudy | None = None

    def make(self, folder: Path) -> None:
        """Begins one in ``folder``, in place of one that is under way. Raises `EchoApexError`."""
        self.close()
        self.underWay = SimulatedStudy(folder, pythonExecutable())

    def poll(self) -> None:
        """Tells how far it is, and hands over what is there. Raises `EchoApexError` where it could not be made."""
        study = self.underWay
        if study is None or not study.poll():
            return
        if study.busy:
            self._said(f"A study of a simulated heart is being made: clip {study.words} is there.")
            return
        self.underWay = None
        if study.problem:
            raise EchoApexError(study.problem.rstrip("."))
        self._said("")
        self._made(study.folder)

    def close(self) -> bool:
        """Ends what is under way; whether anything was."""
        study, self.underWay = self.underWay, None
        if study is not None:
            study.close()
        return study is not None


class SimulatedStudy:
    """The simulated study on its way into ``folder``. Raises `EchoApexError` where the process cannot be started."""

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.words, self.problem = folder, "", ""
        self._lastWords = ""
        command = [python, "-m", "echoapex.simulation.sample_study", str(folder)]
        self._process: WatchedProcess | None = WatchedProcess(command)

    @property
    def busy(self) -> bool:
        """Whether it is still being made."""
        return self._process is not None

    def poll(self) -> bool:
        """Looks how far it is; whether there was anything new. Never waits."""
        if self._process is None:
            return False
        code = self._process.exit_code
        lines = self._process.lines()
        self.words = ([self.words, *lines])[-1]
        self._lastWords = ([self._lastWords, *self._process.messages()])[-1]
        if code is not None:
            self.close()
            if code != 0:
                found = self._lastWords or f"exit code {code}"
                self.problem = str(EchoApexError("The simulated study could not be made", value=found))
        return bool(lines) or code is not None

    def close(self) -> None:
        """Ends it; what is there stays."""
        if self._process is not None:
            self._process.close()
            self._process = None
