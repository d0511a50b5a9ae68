"""The command line ``echoapex VERB ...``.

Results go to standard output (``--json``: one JSON value), progress and messages to standard error. Exit codes: 0 all
done, 1 something failed (the rest is done), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import __version__, verbs
from .errors import EchoApexError
from .measure.body import BsaFormula
from .models.device import DEVICES
from .output import print_json, say
from .patient import Sex
from .prompts import PointPrompt
from .simulation.pathologies import PATHOLOGIES
from .simulation.presets import PRESETS

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

TASKS = ("segmentation", "ef", "walls", "views", "prompts", "beats", "all")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb; ``arguments`` default to those of the process. Returns the exit code, raises only on a defect."""
    # Read when torch loads its OpenMP: waiting threads then sleep and do not slow down what runs beside us.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    as_json = False
    try:
        chosen = _parser().parse_args(arguments)
        as_json = chosen.json
        verb: Callable[[argparse.Namespace], bool] = chosen.verb
        return DONE if verb(chosen) else FAILED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else USAGE
    except EchoApexError as refusal:
        if as_json:
            print_json({"failures": [refusal.as_failure()]})
        say(str(refusal))
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
    parser = argparse.ArgumentParser(
        prog="echoapex", description="Echo cines: read, measure, report, simulate, evaluate. Not a medical device."
    )
    parser.add_argument("--version", action="version", version=f"echoapex {__version__}")
    table = parser.add_subparsers(metavar="VERB", required=True)
    for add in (
        *(_add_info, _add_analyze, _add_segment, _add_simulate, _add_evaluate, _add_models, _add_doctor),
        *(_add_demo, _add_serve),
    ):
        add(table)
    return parser


def _verb(table: Any, name: str, run: Callable[[argparse.Namespace], bool], text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = table.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--json", action="store_true", help="print one JSON value for machines")
    parser.set_defaults(verb=run, parser=parser)
    return parser


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", metavar="ID|FOLDER", help="model to use (default: the shipped one)")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (default: auto)")


def _add_info(table: Any) -> None:
    parser = _verb(table, "info", verbs.info, "show what a clip, or each clip of a folder, holds")
    parser.add_argument("path", type=Path, metavar="FILE|DIR")


def _add_analyze(table: Any) -> None:
    parser = _verb(table, "analyze", verbs.analyze, "read, measure and report whole studies, unattended")
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE|DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the report is written")
    patient = parser.add_argument_group("the patient", "of a single study; goes before what the files say")
    patient.add_argument("--sex", choices=[sex.value for sex in Sex], help="grades need it")
    patient.add_argument("--age", type=_positive, help="in years; grades need it")
    patient.add_argument("--height", type=_positive, help="in cm; indices need it")
    patient.add_argument("--weight", type=_positive, help="in kg; indices need it")
    formulas = [formula.name.lower() for formula in BsaFormula]
    parser.add_argument("--bsa-method", choices=formulas, default="dubois", help="body surface area (default: dubois)")
    text = "the view of a clip, instead of what is recognized; may be given again"
    parser.add_argument("--views", type=_view, action="append", default=[], metavar="FILE=VIEW", help=text)
    parser.add_argument("--no-scene", action="store_true", help="write no scene.mrb for 3D Slicer")
    _add_model_options(parser)


def _add_simulate(table: Any) -> None:
    parser = _verb(table, "simulate", verbs.simulate, "write a simulated study with exact truth as DICOM clips")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=_seed, default=1, help="same seed, same heart (default: 1)")
    parser.add_argument("--views", type=_names, default=("A4C", "A2C"), help="default: A4C,A2C")
    parser.add_argument("--preset", choices=PRESETS, default="easy", help="image quality and variety (default: easy)")
    parser.add_argument("--pathology", choices=PATHOLOGIES, help="a heart with a disease (default: none)")
    for name, text in verbs.HEART_OPTIONS.items():
        parser.add_argument(f"--{name}", type=_positive, help=f"{text} (default: drawn from the seed)")


def _add_segment(table: Any) -> None:
    parser = _verb(table, "segment", verbs.segment, "outline one structure through a whole cine")
    parser.add_argument("cine", type=Path, metavar="CINE")
    parser.add_argument("--out", type=Path, required=True, metavar="MASKS.nrrd")
    named = parser.add_mutually_exclusive_group()
    named.add_argument("--structure", metavar="ID", help="LV, LV_MYO, LA, ... found in every frame by itself")
    named.add_argument("--text", metavar="T", help="the structure in words, for example: left atrium")
    parser.add_argument(
        "--point", type=_point, action="append", default=[], metavar="x,y,1|0", help="click; 1 adds, 0 takes away"
    )
    parser.add_argument("--box", type=_box, metavar="x0,y0,x1,y1", help="box around what is wanted, in pixels")
    parser.add_argument("--frame", type=_seed, metavar="K", help="frame of the points and the box, from 0 (default: 0)")
    _add_model_options(parser)


def _add_serve(table: Any) -> None:
    text = "answer the questions of a panel on standard input and output (for programs)"
    _add_model_options(_verb(table, "serve", verbs.serve, text))


def _add_evaluate(table: Any) -> None:
    parser = _verb(table, "evaluate", verbs.evaluate, "score a model on data with known truth")
    parser.add_argument("--task", choices=TASKS, default="all")
    parser.add_argument("--data", required=True, metavar="simulated:PRESET:N[:SEED]")
    parser.add_argument(
        "--save", action="store_true", help="write the tables into the model's card, and a page beside it"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page with figures here")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep each patient's trials here, to continue later")
    parser.add_argument("--processes", type=_count, default=1, metavar="N", help="patients at once (default: 1)")
    parser.add_argument("--held-out", metavar="ID", help="structure that was kept out of training")
    _add_model_options(parser)


def _add_models(table: Any) -> None:
    actions = table.add_parser("models", help="list the models that can be used, or show the card of one")
    actions = actions.add_subparsers(metavar="ACTION", required=True)
    _verb(actions, "list", verbs.models_list, "list the models that can be used")
    show = _verb(actions, "show", verbs.models_show, "show the card of a model")
    show.add_argument("model", metavar="ID|FOLDER", nargs="?", help="default: the shipped one")


def _add_doctor(table: Any) -> None:
    parser = _verb(table, "doctor", verbs.doctor, "check that everything needed is there and works")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (default: auto)")


def _add_demo(table: Any) -> None:
    parser = _verb(table, "demo", verbs.demo, "simulate a study, segment it and compare with the truth")
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="default: demo-output")


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"a whole number from 0 is needed (found: {text})")
    return int(text)


def _count(text: str) -> int:
    if _seed(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed (found: {text})")
    return int(text)


def _positive(text: str) -> float:
    (value,) = _numbers(text, 1, "a number above 0")
    if not value > 0:
        raise argparse.ArgumentTypeError(f"a number above 0 is needed (found: {text})")
    return value


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("at least one view is needed, for example A4C")
    return names


def _view(text: str) -> tuple[str, str]:
    file, found, view = text.rpartition("=")
    if not (file and found and view):
        raise argparse.ArgumentTypeError(f"FILE=VIEW is needed, for example clip.dcm=A4C (found: {text})")
    return file, view


def _point(text: str) -> PointPrompt:
    x, y, sign = _numbers(text, 3, "x,y,1 or x,y,0")
    if sign not in (0, 1):
        raise argparse.ArgumentTypeError(f"a point ends with 1 (adds) or 0 (takes away) (found: {text})")
    return PointPrompt(x, y, positive=sign == 1)


def _box(text: str) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = _numbers(text, 4, "x0,y0,x1,y1")
    return x0, y0, x1, y1


def _numbers(text: str, count: int, shape: str) -> list[float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(abs(value) < float("inf") for value in values):
        raise argparse.ArgumentTypeError(f"{shape} is needed (found: {text})")
    return values
