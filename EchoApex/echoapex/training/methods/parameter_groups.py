"""How fast each parameter learns: layer-wise decay, a slower patch embedding, a last layer that waits."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class Pace:
    """What multiplies the learning rate and the weight decay of a parameter; ``last_layer`` waits at first."""

    rate: float
    decay: float
    last_layer: bool


def pace_of(name: str, shape: tuple[int, ...], blocks: int, layer_decay: float, patch_rate: float) -> Pace:
    """The pace of a parameter of a network with so many transformer ``blocks`` (0: a head).

    ``get_params_groups_with_decay`` of facebookresearch/dinov2: layer 0 are patch embedding, positions and tokens, the
    n-th block is layer n, what follows is layer ``blocks + 1``; the rate is ``layer_decay ** (blocks + 1 - layer)``,
    that of the patch embedding times ``patch_rate`` on top. No weight decay on biases, norms and layer scales.
    """
    layer = blocks + 1
    if blocks and ("embed" in name or "token" in name or name == "hidden"):
        layer = 0
    elif blocks and "blocks." in name:
        layer = int(name.split("blocks.")[1].split(".")[0]) + 1
    rate = layer_decay ** (blocks + 1 - layer)
    if "patch_embed" in name:
        rate *= patch_rate
    plain = name.endswith(".bias") or "norm" in name or "gamma" in name or shape == ()
    # Batch norms of timm's ResNet.
    plain = plain or "bn" in name or name.endswith("downsample.1.weight")
    return Pace(rate, 0.0 if plain else 1.0, name.split(".")[-1] in ("prototypes", "lengths"))


def paced_groups(
    module: nn.Module, blocks: int, layer_decay: float, patch_rate: float
) -> dict[Pace, list[nn.Parameter]]:
    """The trainable parameters of ``module`` by their pace."""
    groups: dict[Pace, list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            pace = pace_of(name, tuple(parameter.shape), blocks, layer_decay, patch_rate)
            groups.setdefault(pace, []).append(parameter)
    return groups
