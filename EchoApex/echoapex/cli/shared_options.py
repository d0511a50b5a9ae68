"""What verbs of the command line share: how a verb is added, the options of a model, and how values are read."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import print_table, say
from ..errors import EchoApexError
from ..models.device import DEVICES

if TYPE_CHECKING:
    from ..models.model_loading import LoadedModel


def add_verb(
    table: Any, name: str, run: Callable[[argparse.Namespace], bool], text: str, *, ends_itself: bool = False
) -> argparse.ArgumentParser:
    """Adds a verb, or an action of one, that ``run`` does; it takes ``--json``.

    It is interrupted when it is told to end, unless it ``ends_itself``.
    """
    parser: argparse.ArgumentParser = table.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--json", action="store_true", help="print one JSON value for machines")
    parser.set_defaults(verb=run, ends_itself=ends_itself, parser=parser)
    return parser


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Adds which model, and where it computes."""
    parser.add_argument("--model", metavar="ID|FOLDER", help="model to use (default: the shipped one)")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (default: auto)")


def add_archive_options(parser: argparse.ArgumentParser, out: str) -> None:
    """Adds which files and folders are read, where what is made of them goes, and by which key."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="SOURCE", help="files and folders")
    parser.add_argument("--out", type=Path, required=True, metavar=out)
    text = "the secret from which pseudonyms follow; made where there is none (default: beside the output, OUT.key)"
    parser.add_argument("--key", type=Path, metavar="FILE", help=text)
    parser.add_argument("--workers", type=count, default=1, metavar="N", help="files read at once (default: 1)")


def key_file_of(chosen: Namespace) -> Path:
    """The file of the key, which never lies in the output: who gets that must not get the key.

    Raises `EchoApexError` for one that does, and where the output is a file.
    """
    out: Path = chosen.out.resolve()
    if out.exists() and not out.is_dir():
        raise EchoApexError("The output must be a folder", file=chosen.out)
    file: Path = out.with_name(f"{out.name}.key") if chosen.key is None else chosen.key
    if out in file.resolve().parents:
        raise EchoApexError("The key must not lie in the output, which is to be shared", file=file)
    return file


def print_reasons(reasons: Mapping[str, Mapping[str, int]]) -> None:
    """Prints how many files became nothing for which reason; their names may be those of patients."""
    rows = [(str(times), kind, rule) for kind, counted in reasons.items() for rule, times in counted.items()]
    if rows:
        print_table(("files", "", "reason"), rows)


def load_chosen(chosen: Namespace) -> LoadedModel:
    """The chosen model; says what it is fit for, and where it computes."""
    from ..models.model_loading import load_model
    from ..report.page import banner

    model = load_model(chosen.model, chosen.device)
    say(banner(model.card.simulated_only))
    say(f"device: {model.device_reason}")
    return model


def seed(text: str) -> int:
    """A whole number from 0."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"a whole number from 0 is needed (found: {text})")
    return int(text)


def count(text: str) -> int:
    """A whole number from 1."""
    if seed(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number from 1 is needed (found: {text})")
    return int(text)


def positive(text: str) -> float:
    """A number above 0."""
    (value,) = numbers(text, 1, "a number above 0")
    if not value > 0:
        raise argparse.ArgumentTypeError(f"a number above 0 is needed (found: {text})")
    return value


def numbers(text: str, count: int, shape: str) -> list[float]:
    """``count`` finite numbers separated by commas; ``shape`` says in a refusal what is needed."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(abs(value) < float("inf") for value in values):
        raise argparse.ArgumentTypeError(f"{shape} is needed (found: {text})")
    return values
