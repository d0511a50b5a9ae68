"""Turns a finished training run into a model folder: weights, card, and on the card what was trained on and where."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path

from ..models.card import Architecture, ModelCard, Training
from ..models.store import save_model
from .sampling import STRUCTURES
from .segmentation import Trainer

LIMITS = (
    "Demonstration model. Trained on simulated hearts only, never on a real echo, and validated on none: its masks, "
    "volumes and ejection fractions on real clips are not measurements. Knows apical four- and two-chamber views. "
    "Not a medical device."
)


def publish(trainer: Trainer, folder: Path) -> ModelCard:
    """Writes the averaged model of ``trainer`` to ``folder`` and gives back its card, still without scores."""
    recipe = trainer.recipe
    card = ModelCard(
        id=recipe.id,
        name=recipe.name,
        architecture=Architecture(recipe.encoder, recipe.patch, recipe.image_size),
        preprocessing=trainer.preprocessing,
        structures=tuple(tissue.name for tissue in STRUCTURES),
        training=Training(
            recipe=f"Recipes/{recipe.id}.toml",
            seed=recipe.seed,
            data=(
                f"{len(trainer.frames)} simulated frames of {recipe.cases} hearts, preset {recipe.preset}, "
                f"seeds {recipe.first_seed} to {recipe.first_seed + recipe.cases - 1}, A4C and A2C"
            ),
            hardware=_hardware(trainer),
            hours=round(trainer.seconds / 3600, 2),
            frames_seen=trainer.step * recipe.batch,
        ),
        simulated_only=True,
        code_license="Apache-2.0",
        weights_license="Apache-2.0",
        scores={},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        limits=LIMITS,
    )
    return save_model(folder, trainer.average, card)


def _processor() -> str:
    """The processor's name; Linux tells it in a file only."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _hardware(trainer: Trainer) -> str:
    import torch

    threads = f"{trainer.team.size} process(es) of {torch.get_num_threads()} thread(s)"
    return f"{_processor()}, {threads}, {trainer.recipe.precision}; drawing the frames not counted"
