"""The analysis of a study as a process of its own: ``echoapex analyze``, watched, ended when that is asked for.

No Qt: whoever holds it calls `StudyAnalysis.poll` every now and then.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from echoapex.errors import EchoApexError
from echoapex.io.json_shapes import list_of, or_null, record, text
from echoapex.io.untrusted_json import parse_json
from echoapex.patient import Patient
from echoapex.serving.watched_process import WatchedProcess

from .analysisProgress import AnalysisProgress

_FAILURES = list_of(record({"file": or_null(text), "rule": text, "value": or_null(text)}, more_allowed=True))
_RESULT = record(
    {"failures": _FAILURES},
    {"studies": list_of(record({"folder": text, "report": text, "html": text}, more_allowed=True))},
    more_allowed=True,
)
"""What is read of the result of ``analyze --json``."""

_KILLED = -getattr(signal, "SIGKILL", 9)


class AnalysisState(StrEnum):
    """How an analysis is."""

    RUNNING = "running"
    ENDING = "ending"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


def analyzeCommand(
    python: str,
    files: Sequence[Path],
    out: Path,
    views: Mapping[Path, str],
    patient: Patient,
    corrections: Path | None = None,
) -> list[str]:
    """The command line that analyzes ``files`` as one study and writes its report to ``out``.

    ``corrections`` is the file of those by hand, if there are any.
    """
    told = {"--sex": patient.sex, "--age": patient.age, "--height": patient.height_cm, "--weight": patient.weight_kg}
    facts = [word for option, value in told.items() if value is not None for word in (option, f"{value}")]
    chosen = [word for file, view in views.items() for word in ("--views", f"{file}={view}")]
    machines = ["--json", "--progress-json", "--parent", str(os.getpid())]
    corrected = [] if corrections is None else ["--corrections", str(corrections)]
    options = ["--out", str(out), *facts, *chosen, *corrected, *machines]
    # A file may be called like an option.
    return [python, "-m", "echoapex", "analyze", *options, "--", *map(str, files)]


class StudyAnalysis:
    """One run of ``command``. Raises `EchoApexError` where it cannot be started."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.progress = AnalysisProgress()
        self.state = AnalysisState.RUNNING
        self.report: Path | None = None
        self.problem = ""
        self._output: list[str] = []
        self._process = WatchedProcess(command, environment=environment)
        self.pid = self._process.pid

    @property
    def busy(self) -> bool:
        """Whether the process still runs."""
        return self.state in (AnalysisState.RUNNING, AnalysisState.ENDING)

    def poll(self) -> bool:
        """Takes what has come; whether there was anything. Never waits."""
        if not self.busy:
            return False
        code = self._process.exit_code
        self._output += self._process.lines()
        messages = self._process.messages()
        for line in messages:
            self.progress.take(line)
        if code is not None:
            self._end(code)
        return bool(messages) or code is not None

    def cancel(self) -> None:
        """Ends it soon: within two seconds if `poll` is called meanwhile. What it had not finished is dropped."""
        if self.state is AnalysisState.RUNNING:
            self.state = AnalysisState.ENDING
            self._process.end()

    def close(self) -> None:
        """Ends it at once."""
        self._process.close()
        if self.busy:
            self.state = AnalysisState.CANCELED

    def _end(self, code: int) -> None:
        self._process.close()
        if self.state is AnalysisState.ENDING:
            self.state = AnalysisState.CANCELED
            return
        try:
            self._takeResult(code)
        except EchoApexError as refusal:
            self.state, self.problem = AnalysisState.FAILED, str(refusal)

    def _takeResult(self, code: int) -> None:
        """The report; where there is none, raises `EchoApexError` with the reason."""
        if code < 0:
            raise EchoApexError("The analysis was ended from outside before its report was written", value=_named(code))
        if not self._output:
            raise EchoApexError("The analysis has ended without a result", value=self.progress.lastWords or code)
        rule = "The result of the analysis was not understood"
        result = parse_json("\n".join(self._output), rule, _RESULT)
        studies = result.get("studies", [])
        if not studies:
            first = result["failures"][0] if result["failures"] else {"rule": self.progress.lastWords}
            value = first.get("value")
            raise EchoApexError(first["rule"] or "Nothing was analyzed", value=value, file=first.get("file"))
        self.report, self.state = Path(studies[0]["folder"]), AnalysisState.DONE


def _named(code: int) -> str:
    """A signal in words."""
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"{name}, as when memory runs out" if code == _KILLED else name
