"""What a recipe of EchoCLR says beyond what all say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ....errors import EchoApexError
from ....models.clip_encoder import CLIP_ENCODERS
from ..pretraining_recipe import PretrainingRecipe

CLIP_FRAMES = 4


@dataclass(frozen=True)
class EchoClrRecipe(PretrainingRecipe):
    """EchoCLR; defaults of CarDS-Yale/EchoCLR but where it is said.

    A batch counts studies: of each two clips are drawn, and of each clip four frames, ``frame_step`` apart, as pictures
    of ``clip_size`` pixels. They are shifted by up to ``shift`` of that, half of them turned by up to ``rotation``
    degrees, and shown in any order. ``tone`` bends the gray curve of a clip, by an exponent of up to e to this power:
    a change of brightness and contrast would be undone, as each clip is spread from 0 to 1. ``hidden`` and
    ``projection`` are the sizes of the projector, ``temperature`` that of the contrast; ``order_weight`` weighs the
    question for the order of frames, 0 for none.

    Simulated studies have a clip of ``study_frames`` frames for each of ``study_views`` (separated by blanks), of a
    machine's frames every ``study_step``-th.

    Choices of this project: no mirroring (there half of the clips), a gray curve (there none), a rate of 1e-3 that
    falls by a cosine (there 0.1 for Adam, held), and gradients cut at a norm of 3.
    """

    encoder: str = "r3d_18"
    batch: int = 392
    epochs: int = 300
    frame_size: int = 112
    clip_size: int = 112
    frame_step: int = 1
    shift: float = 8 / 112
    rotation: float = 10.0
    tone: float = 0.3
    hidden: int = 256
    projection: int = 128
    temperature: float = 0.05
    order_weight: float = 1.0
    learning_rate: float = 1e-3
    rate_batch: int = 392
    warmup_epochs: float = 0.0
    weight_decay: float = 0.0
    weight_decay_end: float = 0.0
    study_views: str = "PLAX PLAX PSAX_AV A4C"
    study_frames: int = 10
    study_step: int = 2

    clip_frames: ClassVar[int] = CLIP_FRAMES

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_choice("encoder", tuple(CLIP_ENCODERS))
        if self.batch < 2:
            raise EchoApexError("Studies are told from the others of a batch: batch of 2 or more", value=self.batch)
        if self.checkpointing:
            raise EchoApexError(
                "Blocks of an encoder of clips are not computed again: checkpointing is false", value=True
            )
        if self.study_frames < CLIP_FRAMES:
            raise EchoApexError(f"study_frames of a recipe are {CLIP_FRAMES} or more", value=self.study_frames)
