"""The verb ``serve``: answers the questions of a panel, for programs."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from .shared_options import add_model_options, add_verb, count


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    text = "answer the questions of a panel on standard input and output (for programs)"
    parser = add_verb(table, "serve", serve, text, ends_itself=True)
    add_model_options(parser)
    told = "end when this process has ended (default: the one that started this one)"
    parser.add_argument("--parent", type=count, metavar="PID", help=told)


def serve(chosen: Namespace) -> bool:
    """Answers what is asked on standard input; never returns."""
    from ..serving import serve as answer

    answer(chosen.model, chosen.device, chosen.parent)
