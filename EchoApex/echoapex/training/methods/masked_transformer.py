"""The vision transformer that is pretrained: timm's own, with a token for hidden patches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...errors import ModelError
from ...models.image_encoder import ENCODERS, TransformerBackbone, check_architecture
from .batch_subset_depth import run_blocks


class MaskedTransformer(nn.Module):
    """``network`` is that of `TransformerBackbone`: what is learned here fits ``encoder.backbone.network``.

    The detail that the encoder of a segmenter adds to its patches is not there: a hidden patch would show through it.
    """

    def __init__(
        self, encoder: str, patch: int, image_size: int, drop_path: float, *, checkpointing: bool = False
    ) -> None:
        super().__init__()
        check_architecture(encoder, patch, image_size)
        if not ENCODERS[encoder].transformer:
            raise ModelError("Pretraining needs a vision transformer", value=encoder)
        self.network: Any = TransformerBackbone(ENCODERS[encoder], patch, image_size, 0.0).network
        self.width: int = self.network.num_features
        self.patch, self.drop_path, self.checkpointing = patch, drop_path, checkpointing
        self.hidden = nn.Parameter(torch.zeros(self.width))

    def forward(self, images: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """``(cls [B, D], patches [B, N, D])`` after the last norm, of ``images [B, 1, S, S]``.

        Patches in ``masks bool [B, rows, columns]`` are replaced by the learned token before positions are added
        (``prepare_tokens_with_masks`` of facebookresearch/dinov2). Paths are dropped in training only.
        """
        network = self.network
        embedded = network.patch_embed(images)
        if masks is not None:
            embedded = torch.where(masks[..., None], self.hidden.to(embedded.dtype), embedded)
        tokens = network.norm_pre(network._pos_embed(embedded))
        rate, again = (self.drop_path, self.checkpointing) if self.training else (0.0, False)
        tokens = network.norm(run_blocks(network.blocks, tokens, rate, checkpointing=again))
        return tokens[:, 0], tokens[:, network.num_prefix_tokens :]

    @torch.no_grad()
    def last_attention(self, images: Tensor) -> Tensor:
        """What the class token attends to in the last block: ``[B, heads, rows, columns]`` of ``images [B, 1, S, S]``.

        Shares of 1; the rest is what the token keeps for itself (and for registers).
        """
        attention = self.network.blocks[-1].attn
        given: list[Tensor] = []
        hook = attention.register_forward_hook(lambda _, inputs, __: given.append(inputs[0]))
        try:
            self(images)
        finally:
            hook.remove()
        (tokens,) = given
        count, length, _ = tokens.shape
        parts = attention.qkv(tokens).reshape(count, length, 3, attention.num_heads, -1)
        query, key = attention.q_norm(parts[:, :, 0]), attention.k_norm(parts[:, :, 1])
        likeness = torch.einsum("bhd,bnhd->bhn", query[:, 0] * attention.scale, key)
        shares: Tensor = likeness.softmax(-1)[..., self.network.num_prefix_tokens :]
        return shares.reshape(count, -1, *self.network.patch_embed.grid_size)
