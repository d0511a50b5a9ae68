"""Starts a training run from a recipe, in one process or several that share each batch."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from ..console import Parser, harmless_libraries, tell
from ..errors import EchoApexError
from ..models.model_loading import check_model_folder
from .drawn_frames import draw_shards, prepare_frames
from .model_export import publish
from .recipe import Recipe, read_recipe
from .team import Team
from .trainer import Trainer, check_run

USAGE = "Trains a model from a recipe. A run survives a kill: started again with the same arguments it continues."


_REFUSED = 1


def _say(text: str) -> None:
    tell(text)


def _quiet(text: str) -> None:
    """The other processes of a team say nothing."""


def main(arguments: list[str] | None = None) -> int:
    """Runs a recipe and, when it is done, writes the model folder."""
    parser = Parser(prog="python -m echoapex.training", description=USAGE)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--run", type=Path, required=True, help="folder for frames and checkpoints")
    parser.add_argument("--out", type=Path, help="where the finished model goes")
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="processes that share each batch, one CPU thread each; their number decides what each batch holds",
    )
    parser.add_argument("--until", type=int, help="stop at this step; a later start continues")
    options = parser.parse_args(arguments)
    with harmless_libraries():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    try:
        recipe = read_recipe(options.recipe)
        if options.processes < 1 or recipe.batch % options.processes:
            raise EchoApexError(
                f"The batch of {recipe.batch} must divide evenly by --processes", value=options.processes
            )
        if options.out is not None:
            check_model_folder(options.out, recipe.id)
        check_run(recipe, options.run)
        # Here, once: the processes only read them.
        draw_shards(recipe, options.run / "frames", _say)
        return _start(options, recipe)
    except EchoApexError as error:
        _say(str(error))
        return _REFUSED
    except KeyboardInterrupt:
        return 130


def _start(options: argparse.Namespace, recipe: Recipe) -> int:
    from torch.multiprocessing.spawn import ProcessExitedException, spawn

    if options.processes == 1:
        _work(0, options, recipe, "")
        return 0
    # A file as meeting point: no port, nothing listens.
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        try:
            spawn(_share, (options, recipe, meeting), nprocs=options.processes)  # type: ignore[no-untyped-call]
        except ProcessExitedException as ended:
            if ended.exit_code != _REFUSED:
                raise
            return _REFUSED
    return 0


def _share(rank: int, options: argparse.Namespace, recipe: Recipe, meeting: str) -> None:
    """The work of one process of several; what it refuses it says itself."""
    try:
        _work(rank, options, recipe, meeting)
    except EchoApexError as refusal:
        _say(str(refusal))
        sys.exit(_REFUSED)


def _work(rank: int, options: argparse.Namespace, recipe: Recipe, meeting: str) -> None:
    import torch

    torch.set_num_threads(1)
    team = Team(rank, options.processes)
    if team.size > 1:
        torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=team.size)
    say = _say if team.leads else _quiet
    trainer = Trainer(recipe, prepare_frames(recipe, options.run / "frames", say), options.run, say, team)
    trainer.run(options.until)
    if options.out is None or not team.leads:
        return
    if trainer.step < recipe.steps:
        say(f"no model is written before the last step, {recipe.steps}")
        return
    publish(trainer, options.out)
