"""What every method of pretraining is told; a method adds entries and sets the defaults of its publication."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from ...errors import EchoApexError
from ...models.image_encoder import ENCODERS, check_architecture
from ...models.model_card import check_identifier
from ..parallel_weights import DDP, KINDS
from ..schedules import scaled_rate


@dataclass(frozen=True)
class PretrainingRecipe:
    """One run of a ``method``. Sizes are in pixels; an epoch is ``epoch_steps`` steps, 0 for as many as the data fill.

    ``frame_size`` is the side of simulated frames; ``mirrored`` is the share of pictures that are mirrored, ``tone``
    how far brightness and contrast are changed in 80 % of them. ``learning_rate`` is meant for a batch of
    ``rate_batch`` and scaled by ``rate_rule`` (``linear`` or ``sqrt``); it falls to ``least_rate`` after
    ``warmup_epochs``. The weight decay goes to ``weight_decay_end``; gradients are cut at a norm of ``clip``.
    ``init_from`` is a model, an exported backbone or a file of weights that the run begins with, empty for none. Every
    ``probe_epochs`` the embeddings are looked at; a checkpoint is written every ``save_steps`` steps and with every
    look.

    ``batch`` counts the frames or studies of all processes together; each takes its share, in ``accumulate`` parts one
    after the other, whose gradients are added up. What that changes the method says. ``parallel`` is ``ddp`` (each
    process has all weights) or ``fsdp2`` (each has a part of them). ``checkpointing`` computes each block again for its
    gradients instead of keeping what it made; ``compile`` has torch compile the networks, and ends the run where it
    cannot.
    """

    id: str
    name: str
    method: str
    encoder: str
    batch: int
    epochs: int
    frame_size: int = 256
    epoch_steps: int = 0
    seed: int = 0
    precision: str = "float32"
    init_from: str = ""
    mirrored: float = 0.0
    tone: float = 0.4
    learning_rate: float = 5e-4
    rate_batch: int = 256
    rate_rule: str = "linear"
    least_rate: float = 1e-6
    warmup_epochs: float = 10.0
    weight_decay: float = 0.04
    weight_decay_end: float = 0.4
    clip: float = 3.0
    probe_epochs: int = 1
    save_steps: int = 250
    accumulate: int = 1
    parallel: str = DDP
    checkpointing: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        check_identifier(self.id)
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int | float | tuple):
                continue
            self._check_range(field.name, value)
        self._check_choice("precision", ("float32", "bfloat16"))
        self._check_choice("rate_rule", ("linear", "sqrt"))
        self._check_choice("parallel", KINDS)
        if self.batch % self.accumulate:
            rule = f"The batch of {self.batch} must divide evenly by accumulate"
            raise EchoApexError(rule, value=self.accumulate)
        if self.warmup_epochs >= self.epochs:
            raise EchoApexError("warmup_epochs of a recipe are fewer than its epochs", value=self.warmup_epochs)

    @property
    def effective_rate(self) -> float:
        """The learning rate after the warm-up, scaled to this batch."""
        return scaled_rate(self.learning_rate, self.rate_rule, self.batch, self.rate_batch)

    def _check_range(self, name: str, value: float | tuple[float, float]) -> None:
        low, high = _RANGES.get(name, (0.0, float(2**31)))
        items = value if isinstance(value, tuple) else (value,)
        if not all(low <= item <= high for item in items) or list(items) != sorted(items):
            raise EchoApexError(f"{name} of a recipe lies from {low:g} to {high:g}", value=value)

    def _check_choice(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise EchoApexError(f"{name} of a recipe is {' or '.join(choices)}", value=getattr(self, name))


@dataclass(frozen=True)
class CropRecipe(PretrainingRecipe):
    """A run of a method that learns from crops of single frames, by a network of this ``patch``.

    Each frame gives two global and ``local_count`` local crops of a ``..._scale`` (share of the frame's area), of which
    at least ``least_sector`` should lie in the sector; ``blur`` is the range of sigmas in pixels, ``drop_path`` the
    rate of residual branches that are left out.
    """

    takes_convolutions: ClassVar[bool] = False

    patch: int = 16
    global_size: int = 224
    global_scale: tuple[float, float] = (0.32, 1.0)
    local_size: int = 96
    local_scale: tuple[float, float] = (0.05, 0.32)
    local_count: int = 8
    least_sector: float = 0.6
    blur: tuple[float, float] = (0.1, 2.0)
    drop_path: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_architecture(self.encoder, self.patch, self.global_size)
        check_architecture(self.encoder, self.patch, self.local_size)
        if not ENCODERS[self.encoder].transformer:
            self._check_convolutions()

    def _check_convolutions(self) -> None:
        """What a network without transformer blocks cannot have is refused."""
        if not self.takes_convolutions:
            raise EchoApexError(f"{self.method} needs a vision transformer", value=self.encoder)
        for name, value in _OF_BLOCKS.items():
            if getattr(self, name, value) != value:
                rule = f"{self.encoder} has no transformer blocks: {name} is {value!s} in its recipe"
                raise EchoApexError(rule.replace("False", "false"), value=getattr(self, name))


_OF_BLOCKS: dict[str, float] = {"drop_path": 0.0, "checkpointing": False, "layer_decay": 1.0, "patch_rate": 1.0}
"""Entries that are of transformer blocks, and their values without any."""

_FROM_ONE = (1.0, float(2**31))
_SHARE = (0.0, 1.0)
_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("batch", "epochs", "rate_batch", "probe_epochs", "save_steps", "frame_size"), _FROM_ONE),
    **dict.fromkeys(("clip_size", "frame_step", "study_frames", "study_step"), _FROM_ONE),
    "accumulate": _FROM_ONE,
    **dict.fromkeys(
        ("prototypes", "bottleneck", "hidden", "patch_prototypes", "patch_bottleneck", "projection", "directions"),
        _FROM_ONE,
    ),
    **dict.fromkeys(
        ("least_sector", "mirrored", "tone", "masked_share", "mask_ratio", "teacher_momentum", "gaussian_weight"),
        _SHARE,
    ),
    **dict.fromkeys(("global_scale", "local_scale"), (0.001, 1.0)),
    **dict.fromkeys(("layer_decay", "patch_rate"), (0.001, 1.0)),
    **dict.fromkeys(("teacher_temperature", "teacher_temperature_end", "student_temperature"), (0.001, 10.0)),
    **dict.fromkeys(("learning_rate", "clip"), (1e-12, 1e12)),
    "temperature": (0.001, 10.0),
    "shift": (0.0, 0.5),
    "rotation": (0.0, 180.0),
    "drop_path": (0.0, 0.95),
    "blur": (0.1, 100.0),
    "seed": (0.0, float(2**31)),
}
"""What a run can be made with; other numbers only must not be negative."""
