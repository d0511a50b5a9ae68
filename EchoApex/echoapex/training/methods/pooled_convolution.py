"""The convolutional network that is pretrained: timm's ResNet, as far as the project's encoder has it."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ...models.image_encoder import ENCODERS, ConvolutionBackbone, check_architecture


class PooledConvolution(nn.Module):
    """``network`` is that of `ConvolutionBackbone`: what is learned here fits ``encoder.backbone.network``.

    It ends at stride 16, before the last stage of a ResNet-50: 1024 channels, not the 2048 of DINO's ResNet-50.
    """

    def __init__(self, encoder: str, patch: int, image_size: int) -> None:
        super().__init__()
        check_architecture(encoder, patch, image_size)
        backbone = ConvolutionBackbone(ENCODERS[encoder])
        self.network: Any = backbone.network
        self.width: int = backbone.embed_dim

    def forward(self, images: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``(mean [B, D], places [B, N, D])`` of the last map, of ``images [B, 1, S, S]``; it cannot hide patches."""
        assert masks is None
        grid: Tensor = self.network(images)[-1]
        return grid.mean(dim=(2, 3)), grid.flatten(2).transpose(1, 2)


def batch_norms(network: nn.Module) -> list[nn.Module]:
    """The layers of ``network`` that take statistics of the batch."""
    return [layer for layer in network.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
