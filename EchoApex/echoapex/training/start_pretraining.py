"""Starts or continues a run of pretraining, by one process or several, and exports what it has taught."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import EchoApexError
from ..models.device import choose_device
from .drawn_frames import Say
from .frame_source import Source
from .methods.pretraining_recipe import PretrainingRecipe
from .methods.registry import material_of, read_pretraining_recipe
from .model_export import processor
from .pretraining import PretrainingLearner, check_shares
from .recipe_file import recipe_text
from .run_export import BACKBONE, export_backbone
from .run_folder import EXPORTED, FollowedRun, RunFolder
from .run_loop import RunLoop, duration
from .team import Team, joined_team
from .tensorboard_log import TensorboardLog


@dataclass(frozen=True)
class Pretrained:
    """What a run came to: ``exported`` is the folder of the backbone, None where the run was stopped before its end.

    Of several processes one ``leads``: it speaks for all.
    """

    run: Path
    step: int
    steps: int
    seen: dict[str, float]
    exported: Path | None
    leads: bool


@dataclass(frozen=True)
class Start:
    """What a process starts with."""

    recipe: PretrainingRecipe
    data: str
    run: Path
    device: Any
    team: Team
    say: Say
    tensorboard: bool


def pretrain(
    recipe_file: Path, data: str, run: Path, *, resume: bool, device: str, say: Say, tensorboard: bool = False
) -> Pretrained:
    """Runs a recipe on ``data`` in the folder ``run``; raises `EchoApexError` where that cannot be.

    Started by torchrun the processes work together (`joined_team`): the first draws frames, writes the run and speaks.
    """
    recipe = read_pretraining_recipe(recipe_file)
    with joined_team() as team:
        speak = say if team.leads else _nothing
        chosen = _device_of(team, device, speak)
        start = Start(recipe, data, run, chosen, team, speak, tensorboard)
        folder, source = _opened(start, resume=resume)
        try:
            return _taught(start, folder, source)
        finally:
            folder.close()


def _nothing(text: str) -> None:
    """What a process says that does not lead."""


def _device_of(team: Team, device: str, say: Say) -> Any:
    """The device of this process: on accelerators one for each process of a machine."""
    import torch

    if team.size > 1 and device != "cpu" and torch.cuda.is_available():
        count = torch.cuda.device_count()
        if team.local >= count:
            rule = "A machine has as many processes as accelerators: give torchrun a smaller --nproc-per-node"
            raise EchoApexError(rule, value=f"process {team.local + 1} for {count}")
        torch.cuda.set_device(team.local)
    chosen, reason = choose_device(device)
    if team.size > 1 and chosen.type not in ("cpu", "cuda"):
        raise EchoApexError("Several processes compute on CUDA or on processors: --device cpu", value=chosen.type)
    say(f"device: {reason}" + (f" {team.size} processes share each batch." if team.size > 1 else ""))
    return chosen


def _opened(start: Start, *, resume: bool) -> tuple[RunFolder | FollowedRun, Source[Any]]:
    """The run and what it learns from; the first process makes what is not there yet, then the others find it."""
    mine: list[tuple[RunFolder, Source[Any]]] = []

    def make() -> None:
        # Frames may take an hour to draw.
        check_shares(start.recipe, start.team)
        mirror = TensorboardLog(start.run) if start.tensorboard else None
        folder = RunFolder(start.run, recipe_text(start.recipe), start.data, resume=resume, mirror=mirror)
        try:
            mine.append((folder, _found(start)))
        except BaseException:
            folder.close()
            raise

    start.team.led(make)
    if mine:
        return mine[0]
    followed = FollowedRun(start.run, start.team.rank)
    return followed, _found(start)


def _found(start: Start) -> Source[Any]:
    """What there is to learn from."""
    return material_of(start.recipe).open(start.data, start.recipe, start.run / "frames", start.say)


def _taught(start: Start, folder: RunFolder | FollowedRun, source: Source[Any]) -> Pretrained:
    start.team.check_same(len(source), "The processes of a run do not see the same data")
    threads = 1 if start.device.type == "cpu" else max(1, min(16, (os.cpu_count() or 2) - 1))
    fresh = folder.last_checkpoint is None
    learner = PretrainingLearner(
        start.recipe, source, start.device, start.say, threads=threads, fresh=fresh, team=start.team
    )
    try:
        folder.started(_environment(start, source))
        return _teach(start, learner, folder)
    finally:
        learner.close()


def _teach(start: Start, learner: PretrainingLearner, folder: RunFolder | FollowedRun) -> Pretrained:
    recipe = start.recipe
    look_steps = recipe.probe_epochs * learner.timeline.epoch_steps
    loop = RunLoop(folder, learner, recipe.save_steps, look_steps, start.say, start.team)
    if loop.step < learner.steps:
        for line in announcement(recipe, learner, learner.trial_seconds(loop.step), loop.step):
            start.say(line)
    if loop.step in (0, learner.steps):
        loop.look()
        loop.picture()
    exported = start.run / EXPORTED / BACKBONE if loop.run() else None
    if exported and start.team.leads:
        export_backbone(start.run)
    return Pretrained(folder.path, loop.step, learner.steps, dict(loop.seen), exported, start.team.leads)


def announcement(recipe: PretrainingRecipe, learner: PretrainingLearner, seconds: float, step: int) -> tuple[str, str]:
    """What the run is going to do, before its next step: rate, batch, epochs, frames and time, in words."""
    unit, built = material_of(recipe).unit, learner.method.architecture
    rate = f"learning rate {recipe.effective_rate:.3g} ({recipe.learning_rate:g} for {recipe.rate_batch} {unit}"
    steps, epoch = learner.steps, learner.timeline.epoch_steps
    return (
        f"{recipe.method}, {built.encoder}/{built.patch}: {rate}, scaled {recipe.rate_rule}), batch {recipe.batch}",
        f"{recipe.epochs} epochs of {epoch} steps, {steps * recipe.batch:,} {unit} drawn from {len(learner.source):,}; "
        f"about {duration(seconds * (steps - step))} to go ({seconds:.2f} s a step on {learner.device.type})",
    )


def _environment(start: Start, source: Source[Any]) -> dict[str, Any]:
    import numpy
    import timm
    import torch

    cuda = start.device.type == "cuda"
    return {
        "echoapex": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(start.device) if cuda else processor(),
        "threads": torch.get_num_threads(),
        "processes": start.team.size,
        "host": platform.node(),
        "source": {"name": source.name, "items": len(source), "simulated": source.simulated},
    }
