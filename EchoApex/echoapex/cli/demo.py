"""The verb ``demo``: a simulated study and a real cine, analyzed and compared with the truth."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from ..console import print_json
from .shared_options import add_verb


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    parser = add_verb(table, "demo", demo, "simulate a study, segment it and compare with the truth")
    parser.add_argument("--out", type=Path, default=Path("demo-output"), metavar="DIR", help="default: demo-output")


def demo(chosen: Namespace) -> bool:
    """Runs the demonstration; false when a clip could not be analyzed."""
    from .demo_steps import run_demo

    result = run_demo(chosen.out, as_text=not chosen.json)
    if chosen.json:
        print_json(result)
    return not result["failures"]
