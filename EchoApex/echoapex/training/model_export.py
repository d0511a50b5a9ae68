"""Turns a finished training run into a model folder: weights, card, and on the card what was trained on and where."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from ..inference.view_classification import calibrate_threshold
from ..landmarks import WALL_LANDMARKS
from ..models.model_card import Architecture, ModelCard, Training
from ..models.model_loading import save_model
from .frame_shards import PHASES_PER_CASE, draw_frames, draw_others
from .mean_shapes import mean_shapes
from .recipe import LEAST_CALIBRATION, Recipe
from .text_encoder_training import train_text_encoder
from .trainer import Trainer

LIMITS = (
    "Demonstration model. Trained on simulated hearts only, never on a real echo, and validated on none: its masks, "
    "volumes, walls, views and ejection fractions on real clips are not measurements. Not a medical device."
)
LOST = 0.02
"""Share of the calibration's known views that may become unknown: less than the 3 % that other clips are to keep to."""


def publish(trainer: Trainer, folder: Path) -> ModelCard:
    """Writes the averaged model of ``trainer`` to ``folder`` and gives back its card, still without scores."""
    recipe, network = trainer.recipe, trainer.average
    card = ModelCard(
        id=recipe.id,
        name=recipe.name,
        architecture=Architecture(recipe.encoder, recipe.patch, recipe.image_size),
        preprocessing=trainer.preprocessing,
        structures=recipe.structures,
        training=Training(
            recipe=f"Recipes/{recipe.id}.toml",
            seed=recipe.seed,
            data=_data(trainer),
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
        views=recipe.view_classes,
        view_threshold=view_threshold(trainer) if recipe.view_classes else 0.0,
        landmarks=WALL_LANDMARKS if network.heads.landmarks is not None else (),
        text=recipe.text_steps > 0,
        box_shapes=True,
    )
    text = train_text_encoder(recipe.seed, recipe.text_steps) if card.text else None
    shapes = mean_shapes(trainer.frames, recipe)
    return save_model(folder, network.segmenter, card, heads=network.heads, text=text, shapes=shapes)


def view_threshold(trainer: Trainer) -> float:
    """The probability below which a view is unknown, set on hearts that follow the training seeds.

    All views are equally frequent there, and a fifth of the pictures show no heart. Raises `ModelError` as
    `calibrate_threshold` does.
    """
    recipe = trainer.recipe
    first = recipe.first_seed + max(recipe.cases, recipe.others)
    hearts = range(first, first + recipe.calibration)
    parts = [draw_frames(recipe.preset, hearts, recipe.frame_size, dict.fromkeys(recipe.views, 1.0))]
    if recipe.others:
        parts.append(draw_others(recipe.preset, hearts[: recipe.calibration // LEAST_CALIBRATION], recipe.frame_size))
    images = np.concatenate([part.images for part in parts])
    views = np.concatenate([part.views for part in parts])[::PHASES_PER_CASE]
    truth = [recipe.view_classes.index(view) for view in views]
    return calibrate_threshold(_view_probabilities(trainer, images), truth, recipe.view_classes, LOST)


@torch.inference_mode()
def _view_probabilities(trainer: Trainer, images: np.ndarray) -> np.ndarray:
    """Probabilities ``[N, V]`` of the clips whose frames follow each other in ``images``."""
    import cv2

    size, network = trainer.recipe.image_size, trainer.average
    assert network.heads.view is not None
    rows = []
    for start in range(0, len(images), PHASES_PER_CASE):
        clip = [
            cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in images[start:][:PHASES_PER_CASE]
        ]
        gray = torch.from_numpy(np.stack(clip))[:, None].float() / 255
        features = network.segmenter.encode((gray - trainer.preprocessing.mean) / trainer.preprocessing.std)
        rows.append(network.heads.view(features.cls).mean(0).softmax(-1).double().numpy())
    return np.stack(rows)


def _data(trainer: Trainer) -> str:
    recipe = trainer.recipe
    words = (
        f"{len(trainer.frames)} simulated frames: {recipe.cases} hearts, preset {recipe.preset}, "
        f"seeds {_span(recipe, recipe.cases)}, views {', '.join(recipe.views)}"
    )
    if recipe.others:
        words += f"; {recipe.others} pictures without a heart, seeds {_span(recipe, recipe.others)}"
    if recipe.held_out:
        words += f"; never asked for: {', '.join(recipe.held_out)}"
    return words + (f"; started from {recipe.start_from}" if recipe.start_from else "")


def _span(recipe: Recipe, count: int) -> str:
    return f"{recipe.first_seed} to {recipe.first_seed + count - 1}"


def processor() -> str:
    """The processor's name; Linux tells it in a file only."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _hardware(trainer: Trainer) -> str:
    threads = f"{trainer.team.size} process(es) of {torch.get_num_threads()} thread(s)"
    return f"{processor()}, {threads}, {trainer.recipe.precision}; drawing the frames not counted"
