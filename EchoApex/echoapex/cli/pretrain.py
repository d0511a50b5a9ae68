"""The verb ``pretrain``: an encoder of one's own from frames without labels."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import print_json, print_record, say
from ..models.device import DEVICES
from .shared_options import add_verb

if TYPE_CHECKING:
    from ..training.start_pretraining import Pretrained


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    words = "teach an encoder without labels (DINO, DINOv2, LeJEPA, EchoCLR)"
    parser = add_verb(table, "pretrain", pretrain, words, ends_itself=True)
    parser.add_argument("recipe", type=Path, metavar="RECIPE", help="a TOML file, for example of Resources/Recipes")
    help_text = "frames to learn from: a folder of shards (echoapex curate), or simulated hearts"
    parser.add_argument("--data", required=True, metavar="SHARDS|simulated:PRESET:N[:SEED]", help=help_text)
    parser.add_argument("--out", type=Path, required=True, metavar="RUN", help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in RUN, or begin one where none is")
    text = "show what is measured also in TensorBoard (the extra tensorboard), in RUN/tensorboard"
    parser.add_argument("--tensorboard", action="store_true", help=text)
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (default: auto)")


def pretrain(chosen: Namespace) -> bool:
    """Runs a recipe; false where it was stopped before its end."""
    from ..training.start_pretraining import pretrain as start

    where = {"device": chosen.device, "tensorboard": chosen.tensorboard}
    done = start(chosen.recipe, chosen.data, chosen.out, resume=chosen.resume, say=say, **where)
    return tell_end(done, as_json=chosen.json)


def tell_end(done: Pretrained, *, as_json: bool) -> bool:
    """Tells what a run came to, once for all its processes; one that was stopped is an interruption."""
    if done.leads and done.exported is None:
        say(f"stopped at step {done.step} of {done.steps}; the same command with --resume goes on")
    if done.exported is None:
        raise KeyboardInterrupt
    record = {"run": done.run, "steps": done.steps, **done.seen, "exported": done.exported}
    if done.leads:
        print_json(record) if as_json else print_record(record)
    return True
