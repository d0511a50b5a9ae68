"""Starts or continues a run of pretraining, and exports what it has taught."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..models.device import choose_device
from ..models.model_card import Training
from ..models.pretrained_backbone import save_backbone
from .drawn_frames import Say
from .methods.pretraining_recipe import PretrainingRecipe
from .methods.registry import material_of, read_pretraining_recipe
from .model_export import processor
from .pretraining import PretrainingLearner
from .recipe_file import recipe_text
from .run_folder import EXPORTED, RunFolder
from .run_loop import RunLoop, duration

BACKBONE = "backbone"
LIMITS = (
    "A backbone taught without labels: it measures nothing by itself, and has been validated on no real echo. "
    "Not a medical device."
)


@dataclass(frozen=True)
class Pretrained:
    """What a run came to: ``exported`` is the folder of the backbone, None where the run was stopped before its end."""

    run: Path
    step: int
    steps: int
    seen: dict[str, float]
    exported: Path | None


def pretrain(recipe_file: Path, data: str, run: Path, *, resume: bool, device: str, say: Say) -> Pretrained:
    """Runs a recipe on ``data`` in the folder ``run``; raises `EchoApexError` where that cannot be."""
    import torch

    recipe = read_pretraining_recipe(recipe_file)
    chosen, reason = choose_device(device)
    say(f"device: {reason}")
    folder = RunFolder(run, recipe_text(recipe), data, resume=resume)
    try:
        source = material_of(recipe).open(data, recipe, run / "frames", say)
        threads = 1 if chosen.type == "cpu" else max(1, min(16, (os.cpu_count() or 2) - 1))
        fresh = folder.last_checkpoint is None
        learner = PretrainingLearner(recipe, source, chosen, say, threads=threads, fresh=fresh)
        try:
            folder.started(_environment(chosen, torch.get_num_threads()))
            return _teach(recipe, learner, folder, say)
        finally:
            learner.close()
    finally:
        folder.close()


def _teach(recipe: PretrainingRecipe, learner: PretrainingLearner, folder: RunFolder, say: Say) -> Pretrained:
    look_steps = recipe.probe_epochs * learner.timeline.epoch_steps
    loop = RunLoop(folder, learner, recipe.save_steps, look_steps, say)
    if loop.step < learner.steps:
        for line in announcement(recipe, learner, learner.trial_seconds(loop.step), loop.step):
            say(line)
    if loop.step in (0, learner.steps):
        loop.look()
    exported = _export(recipe, learner, folder, loop) if loop.run() else None
    return Pretrained(folder.path, loop.step, learner.steps, dict(loop.seen), exported)


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


def _environment(device: Any, threads: int) -> dict[str, Any]:
    import numpy
    import timm
    import torch

    return {
        "echoapex": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else processor(),
        "threads": threads,
        "host": platform.node(),
    }


def _export(recipe: PretrainingRecipe, learner: PretrainingLearner, folder: RunFolder, loop: RunLoop) -> Path:
    """The teacher's backbone with its card, in ``exported/``."""
    card = learner.method.card(
        id=recipe.id,
        name=recipe.name,
        method=recipe.method,
        training=Training(
            recipe=f"{recipe.id}.toml",
            seed=recipe.seed,
            data=f"{learner.source.name}: {len(learner.source):,} {material_of(recipe).unit}, without labels"
            + (f"; started from {recipe.init_from}" if recipe.init_from else ""),
            hardware=f"{processor()}, {learner.device.type}, {recipe.precision}",
            hours=round(loop.seconds / 3600, 2),
            frames_seen=loop.step * recipe.batch * learner.method.frames_of_item,
        ),
        simulated_only=learner.source.simulated and not recipe.init_from,
        code_license="Apache-2.0",
        weights_license="Apache-2.0" if not recipe.init_from else "as that of the weights it started from",
        scores={learner.source.name: {"probe": {name: {"value": value} for name, value in loop.seen.items()}}},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        limits=LIMITS,
    )
    target = folder.path / EXPORTED / BACKBONE
    save_backbone(target, learner.method.backbone.network, card)
    return target
