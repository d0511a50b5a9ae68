"""Segment-anything's two-way transformer, with prompt tokens that can be absent.

The layers and their names are segment-anything's, so that weights of SAM and MedSAM decoders can be loaded. Its own
forward has no mask: padding in a batch of mixed prompts would change every mask of the batch.
"""

from __future__ import annotations

from segment_anything.modeling.transformer import Attention, TwoWayAttentionBlock, TwoWayTransformer
from torch import Tensor
from torch.nn import functional


class PromptTransformer(TwoWayTransformer):  # type: ignore[misc]  # segment-anything has no types
    """`TwoWayTransformer` (Kirillov et al. 2023, section A) in which no one attends to absent tokens."""

    def forward(
        self, image_embedding: Tensor, image_pe: Tensor, tokens: Tensor, present: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """``(tokens [N, T, C], image [N, g * g, C])`` after all layers.

        ``image_embedding [N, C, g, g]``; ``image_pe [1, C, g, g]``; ``tokens [N, T, C]``; ``present bool [N, T]``, at
        least one true in each row, or None where all are.
        """
        keys, key_pe = (value.flatten(2).transpose(1, 2) for value in (image_embedding, image_pe))
        mask = None if present is None else present[:, None, None, :]
        queries = tokens
        for layer in self.layers:
            queries, keys = _layer(layer, queries, keys, tokens, key_pe, mask)
        final = _attend(self.final_attn_token_to_image, queries + tokens, keys + key_pe, keys, None)
        return self.norm_final_attn(queries + final), keys


def _layer(
    layer: TwoWayAttentionBlock, queries: Tensor, keys: Tensor, query_pe: Tensor, key_pe: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    if layer.skip_first_layer_pe:
        queries = layer.norm1(_attend(layer.self_attn, queries, queries, queries, mask))
    else:
        placed = queries + query_pe
        queries = layer.norm1(queries + _attend(layer.self_attn, placed, placed, queries, mask))
    placed_keys = keys + key_pe
    to_image = _attend(layer.cross_attn_token_to_image, queries + query_pe, placed_keys, keys, None)
    queries = layer.norm2(queries + to_image)
    queries = layer.norm3(queries + layer.mlp(queries))
    to_tokens = _attend(layer.cross_attn_image_to_token, placed_keys, queries + query_pe, queries, mask)
    return queries, layer.norm4(keys + to_tokens)


def _attend(attention: Attention, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Multi-head attention ``[N, Tq, C]`` with the weights of ``attention``; ``mask`` is true where one may look."""
    heads = attention.num_heads
    q, k, v = (
        project(value).unflatten(-1, (heads, -1)).transpose(1, 2)
        for project, value in ((attention.q_proj, q), (attention.k_proj, k), (attention.v_proj, v))
    )
    seen: Tensor = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    result: Tensor = attention.out_proj(seen.transpose(1, 2).flatten(2))
    return result
