"""Sinkhorn-Knopp in place of centering: the batch is shared out evenly over the prototypes."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.no_grad()
def sinkhorn_knopp(logits: Tensor, temperature: float, iterations: int = 3) -> Tensor:
    """Targets ``[N, K]`` from teacher ``logits [N, K]``: rows sum to 1, columns nearly to N / K.

    Caron et al. 2020 (SwAV), section 3.1 and listing of its appendix, as used by DINOv2 with 3 iterations
    (``sinkhorn_knopp_teacher``): ``Q = exp(t / T)``, then columns and rows made even in turn. In logarithms, so that
    small temperatures neither overflow nor leave a prototype with nothing.
    """
    shares = logits.float() / temperature
    for _ in range(iterations):
        shares = shares - shares.logsumexp(0, keepdim=True)
        shares = shares - shares.logsumexp(1, keepdim=True)
    return shares.exp()
