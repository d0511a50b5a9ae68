"""The fine mask decoder: segment-anything's, with an output at half the input resolution in place of a quarter."""

from __future__ import annotations

from itertools import pairwise

import torch
from segment_anything.modeling.common import LayerNorm2d
from segment_anything.modeling.mask_decoder import MLP
from torch import Tensor, nn
from torch.nn import functional

from .image_encoder import EMBEDDING_CHANNELS, FINE_CHANNELS
from .two_way_transformer import PromptTransformer

_STAGE_CHANNELS = (64, 32, 24)
"""Channels at stride 8, 4 and 2 (our choice; the last sets most of the cost of a mask)."""

_DEPTH, _HEADS, _MLP_WIDTH = 2, 8, 1024
_HEAD_LAYERS = 3


class UpscalingStage(nn.Module):
    """One step up: fewer channels, the size of the fine features, the fine features added, one 3 x 3 convolution."""

    def __init__(self, channels_in: int, channels: int, norm: bool) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels_in, channels, 1)
        self.norm = LayerNorm2d(channels) if norm else nn.Identity()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, fine: Tensor) -> Tensor:
        """``x [N, C_in, h, w]`` at the size of ``fine [N, C, H, W]``, with its channels."""
        reduced: Tensor = self.reduce(x)
        if reduced.shape[-2:] != fine.shape[-2:]:
            reduced = functional.interpolate(reduced, size=fine.shape[-2:], mode="bilinear", align_corners=False)
        return functional.gelu(self.conv(functional.gelu(self.norm(reduced + fine))))


class FineMaskDecoder(nn.Module):
    """Prompt tokens and an image embedding to mask logits at stride 2 and the Dice the mask is expected to reach.

    Two-way transformer, mask token and hypernetwork are those of Segment Anything (Kirillov et al. 2023, section A),
    with one mask a prompt. Upscaling adds the encoder's fine features at stride 8, 4 and 2.
    """

    def __init__(self) -> None:
        super().__init__()
        width = EMBEDDING_CHANNELS
        self.transformer = PromptTransformer(depth=_DEPTH, embedding_dim=width, num_heads=_HEADS, mlp_dim=_MLP_WIDTH)
        self.confidence_token = nn.Embedding(1, width)
        self.mask_token = nn.Embedding(1, width)
        fine_channels = reversed(FINE_CHANNELS)
        self.lateral = nn.ModuleList(
            nn.Conv2d(fine, stage, 1) for fine, stage in zip(fine_channels, _STAGE_CHANNELS, strict=True)
        )
        steps = list(pairwise((width, *_STAGE_CHANNELS)))
        # As in Segment Anything, the last step has no norm: the hypernetwork scales its channels.
        self.stages = nn.ModuleList(
            UpscalingStage(coarse, fine, norm=index < len(steps) - 1) for index, (coarse, fine) in enumerate(steps)
        )
        self.hypernetwork = MLP(width, width, _STAGE_CHANNELS[-1], _HEAD_LAYERS)
        self.confidence_head = MLP(width, width, 1, _HEAD_LAYERS)

    def project_fine(self, fine: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The encoder's fine features as the stages add them, coarsest first; once a frame, not once a prompt."""
        return tuple(layer(level) for layer, level in zip(self.lateral, reversed(fine), strict=True))

    def forward(
        self, embedding: Tensor, image_pe: Tensor, tokens: Tensor, present: Tensor, fine: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor]:
        """``(logits [N, S/2, S/2], dice [N])``, both float32, dice in 0..1.

        ``embedding [N, 256, g, g]`` with the dense prompt added; ``image_pe [1, 256, g, g]``; ``tokens [N, T, 256]``
        and ``present bool [N, T]`` are the prompts; ``fine`` are `project_fine`'s maps of each prompt's frame.
        """
        count = tokens.shape[0]
        own = torch.cat([self.confidence_token.weight, self.mask_token.weight]).expand(count, -1, -1)
        present = torch.cat([present.new_ones(count, own.shape[1]), present], dim=1)
        out, image = self.transformer(embedding, image_pe, torch.cat([own, tokens], dim=1), present)
        current = image.transpose(1, 2).unflatten(2, embedding.shape[-2:])
        for stage, level in zip(self.stages, fine, strict=True):
            current = stage(current, level)
        logits = torch.einsum("nc,nchw->nhw", self.hypernetwork(out[:, 1]), current)
        return logits.float(), self.confidence_head(out[:, 0]).squeeze(-1).float().sigmoid()
