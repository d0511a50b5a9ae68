"""What a recipe of DINO says beyond what all say."""

from __future__ import annotations

from dataclasses import dataclass

from ..pretraining_recipe import CropRecipe


@dataclass(frozen=True)
class DinoRecipe(CropRecipe):
    """DINO; defaults of ``main_dino.py`` (facebookresearch/dino) but for the views, which suit ultrasound.

    The head has ``prototypes``, ``bottleneck`` and ``hidden`` units (`ProjectionHead`); the teacher's temperature goes
    from ``teacher_temperature`` to ``teacher_temperature_end`` over ``temperature_epochs``, the momentum of its average
    from ``teacher_momentum`` to 1. The last layer waits for ``frozen_epochs``; ``layer_decay`` and ``patch_rate`` slow
    down earlier layers and the patch embedding (1: as fast as the others). Paths are dropped in every block alike and
    for a part of the batch (`add_branch`), not at a rate that grows with depth. A ResNet-50 is taught by the same
    optimizer, AdamW; published is SGD, from which no entry follows here.
    """

    takes_convolutions = True

    global_scale: tuple[float, float] = (0.4, 1.0)
    local_scale: tuple[float, float] = (0.05, 0.4)
    prototypes: int = 65536
    bottleneck: int = 256
    hidden: int = 2048
    free_norm: bool = False
    student_temperature: float = 0.1
    teacher_temperature: float = 0.04
    teacher_temperature_end: float = 0.04
    temperature_epochs: float = 0.0
    teacher_momentum: float = 0.996
    frozen_epochs: float = 1.0
    layer_decay: float = 1.0
    patch_rate: float = 1.0
