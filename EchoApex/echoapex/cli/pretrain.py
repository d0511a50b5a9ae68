"""The verb ``pretrain``: an encoder of one's own from frames without labels."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from ..console import print_json, print_record, say
from ..models.device import DEVICES
from .shared_options import add_verb


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    parser = add_verb(
        table, "pretrain", pretrain, "teach an encoder from frames without labels (DINO, DINOv2)", ends_itself=True
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="a TOML file, for example of Resources/Recipes")
    help_text = "frames to learn from: a folder of shards (echoapex curate), or simulated hearts"
    parser.add_argument("--data", required=True, metavar="SHARDS|simulated:PRESET:N[:SEED]", help=help_text)
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in RUN, or begin one where none is")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (default: auto)")


def pretrain(chosen: Namespace) -> bool:
    """Runs a recipe; false where it was stopped before its end."""
    from ..training.start_pretraining import pretrain as start

    done = start(chosen.recipe, chosen.data, chosen.out, resume=chosen.resume, device=chosen.device, say=say)
    if done.exported is None:
        say(f"stopped at step {done.step} of {done.steps}; the same command with --resume goes on")
        raise KeyboardInterrupt
    record = {"run": done.run, "steps": done.steps, **done.seen, "exported": done.exported}
    if chosen.json:
        print_json(record)
    else:
        print_record(record)
    return True
