"""The command line ``echoapex VERB ...``.

Results go to standard output (``--json``: one JSON value), progress and messages to standard error. Exit codes: 0 all
done, 1 something failed (the rest is done), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext

from .. import __version__
from ..console import Parser, events_for_machines, harmless_libraries, print_json, say
from ..errors import EchoApexError
from . import (
    analyze,
    curate,
    deidentify,
    demo,
    doctor,
    evaluate,
    info,
    models,
    pretrain,
    runs,
    segment,
    serve,
    simulate,
)
from .early_end import ending_when_told

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

VERBS = (info, analyze, segment, simulate, curate, deidentify, pretrain, runs, evaluate, models, doctor, demo, serve)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb; ``arguments`` default to those of the process. Returns the exit code, raises only on a defect."""
    # Read when torch loads its OpenMP: waiting threads then sleep and do not slow down what runs beside us.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    with harmless_libraries():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        chosen = _parser().parse_args(arguments)
    except SystemExit as stop:
        return _code(stop)
    with events_for_machines() if getattr(chosen, "progress_json", False) else nullcontext():
        return _do(chosen)


def _code(stop: SystemExit) -> int:
    return stop.code if isinstance(stop.code, int) else USAGE


def _do(chosen: argparse.Namespace) -> int:
    verb: Callable[[argparse.Namespace], bool] = chosen.verb
    parent: int | None = getattr(chosen, "parent", None)
    try:
        with nullcontext() if chosen.ends_itself else ending_when_told(parent):
            return DONE if verb(chosen) else FAILED
    except SystemExit as stop:
        return _code(stop)
    except EchoApexError as refusal:
        if chosen.json:
            print_json({"failures": [refusal.as_failure()]})
        say(str(refusal))
        return FAILED
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        say(f"There can be no file of a name as long (found: {len(str(error.filename))} characters).")
        return FAILED
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("echoapex"):
            raise
        say(f"The library {missing.name} is not installed. echoapex doctor shows everything that is needed.")
        return FAILED
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output (head, less) has closed it; without this Python would complain again while ending.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="echoapex", description="Echo cines: read, measure, report, simulate, evaluate. Not a medical device."
    )
    parser.add_argument("--version", action="version", version=f"echoapex {__version__}")
    table = parser.add_subparsers(metavar="VERB", required=True)
    for verb in VERBS:
        verb.add(table)
    return parser
