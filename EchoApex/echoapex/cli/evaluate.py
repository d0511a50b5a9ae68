"""The verb ``evaluate``: a model scored on data with known truth."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from ..console import print_json, print_line, print_table, say
from .shared_options import add_model_options, add_verb, count

TASKS = ("segmentation", "ef", "walls", "views", "prompts", "beats", "carrying", "all")


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    parser = add_verb(table, "evaluate", evaluate, "score a model on data with known truth")
    parser.add_argument("--task", choices=TASKS, default="all")
    parser.add_argument("--data", required=True, metavar="simulated:PRESET:N[:SEED]")
    parser.add_argument(
        "--save", action="store_true", help="write the tables into the model's card, and a page beside it"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page with figures here")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep each patient's trials here, to continue later")
    parser.add_argument("--processes", type=count, default=1, metavar="N", help="patients at once (default: 1)")
    parser.add_argument("--held-out", metavar="ID", help="structure that was kept out of training")
    add_model_options(parser)


def evaluate(chosen: Namespace) -> bool:
    """Scores a model and prints its tables: each metric with its interval and what a constant predictor gets."""
    from .. import evaluation
    from ..evaluation.tables.score_rows import cells

    tables = evaluation.evaluate(
        chosen.model,
        chosen.task,
        chosen.data,
        chosen.device,
        say=say,
        save=chosen.save,
        page=chosen.page,
        work=chosen.work,
        processes=chosen.processes,
        held_out=chosen.held_out,
    )
    if chosen.json:
        print_json(tables)
        return True
    for task, metrics in tables.items():
        print_line(task)
        rows = [(name, *cells(score)) for name, score in metrics.items()]
        print_table(("metric", "value", "95 % interval", "constant predictor"), rows)
    return True
