"""What a recipe of DINOv2 says beyond one of DINO."""

from __future__ import annotations

from dataclasses import dataclass

from ....errors import EchoApexError
from ..dino.recipe import DinoRecipe

SINKHORN, MEAN = "sinkhorn_knopp", "mean"


@dataclass(frozen=True)
class Dinov2Recipe(DinoRecipe):
    """DINOv2; defaults of ``ssl_default_config.yaml`` (facebookresearch/dinov2) but for the views.

    The weights of the three terms are ``dino_weight``, ``patch_weight`` (iBOT) and ``koleo_weight``; targets come from
    ``centering`` by ``mean`` or ``sinkhorn_knopp``. Patches are told by the same head as frames, or with
    ``separate_head`` by one of ``patch_prototypes`` and ``patch_bottleneck``. Of ``masked_share`` of the global crops a
    part in ``mask_ratio`` of the patches is hidden. There is no LayerScale: the project's encoders have none.
    """

    takes_convolutions = False

    global_scale: tuple[float, float] = (0.32, 1.0)
    local_scale: tuple[float, float] = (0.05, 0.32)
    learning_rate: float = 4e-3
    rate_batch: int = 1024
    rate_rule: str = "sqrt"
    teacher_temperature_end: float = 0.07
    temperature_epochs: float = 30.0
    teacher_momentum: float = 0.992
    layer_decay: float = 0.9
    patch_rate: float = 0.2
    drop_path: float = 0.3
    dino_weight: float = 1.0
    patch_weight: float = 1.0
    koleo_weight: float = 0.1
    centering: str = MEAN
    separate_head: bool = False
    patch_prototypes: int = 65536
    patch_bottleneck: int = 256
    masked_share: float = 0.5
    mask_ratio: tuple[float, float] = (0.1, 0.5)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_choice("centering", (SINKHORN, MEAN))
        if self.koleo_weight and self.batch < 2:
            raise EchoApexError("KoLeo compares the frames of a batch: batch of 2 or more, or koleo_weight 0", value=1)
