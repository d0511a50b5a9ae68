"""Stochastic depth that computes only what it keeps: each residual branch sees a random part of the batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

Branch = Callable[[Tensor], Tensor]


def add_branch(tokens: Tensor, branch: Branch, rate: float) -> Tensor:
    """``tokens [B, N, D]`` plus ``branch`` of a random ``1 - rate`` of the batch, scaled to the same expectation.

    ``drop_add_residual_stochastic_depth`` of facebookresearch/dinov2 (Oquab et al. 2023, section 5, "efficient
    stochastic depth"); at least one sample is kept. DINOv2 does so above a rate of 0.1 only, here at any rate above 0.
    """
    if rate == 0:
        return tokens + branch(tokens)
    count = len(tokens)
    kept = max(int(count * (1 - rate)), 1)
    chosen = torch.randperm(count, device=tokens.device)[:kept]
    added = branch(tokens[chosen])
    return torch.index_add(tokens, 0, chosen, added.to(tokens.dtype), alpha=count / kept)


def run_blocks(blocks: Any, tokens: Tensor, rate: float, *, checkpointing: bool = False) -> Tensor:
    """``tokens`` after timm's transformer ``blocks``, each branch at the same ``rate`` (``drop_path_uniform``).

    With ``checkpointing`` of each block only its input is kept, and the block is computed again for the gradients, with
    the same paths dropped: about a third more time for a fraction of the memory.
    """
    for block in blocks:
        if checkpointing:
            tokens = checkpoint(_run_block, block, tokens, rate, use_reentrant=False)
        else:
            tokens = _run_block(block, tokens, rate)
    return tokens


def _run_block(block: Any, tokens: Tensor, rate: float) -> Tensor:
    tokens = add_branch(tokens, lambda part: block.ls1(block.attn(block.norm1(part))), rate)
    return add_branch(tokens, lambda part: block.ls2(block.mlp(block.norm2(part))), rate)
