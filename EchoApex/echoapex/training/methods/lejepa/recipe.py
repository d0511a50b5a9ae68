"""What a recipe of LeJEPA says beyond what all say."""

from __future__ import annotations

from dataclasses import dataclass

from ..pretraining_recipe import CropRecipe


@dataclass(frozen=True)
class LeJepaRecipe(CropRecipe):
    """LeJEPA; the loss and the projector have the values that lightly takes from the reference code, the rest is ours.

    The projector has ``hidden`` units and gives embeddings of ``projection`` numbers, which are to be spread as a
    Gaussian along ``directions`` random lines, drawn anew in every step; ``gaussian_weight`` is the share of that in
    the loss, the rest is the agreement of views.
    """

    hidden: int = 2048
    projection: int = 64
    directions: int = 1024
    gaussian_weight: float = 0.05
    layer_decay: float = 1.0
    patch_rate: float = 1.0
    weight_decay: float = 0.05
    weight_decay_end: float = 0.05
