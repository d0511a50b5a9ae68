"""Sinkhorn-Knopp in place of centering: the batch is shared out evenly over the prototypes."""

from __future__ import annotations

import torch
from torch import Tensor

from ...team import Team


@torch.no_grad()
def sinkhorn_knopp(logits: Tensor, temperature: float, iterations: int = 3, team: Team | None = None) -> Tensor:
    """Targets ``[N, K]`` from teacher ``logits [N, K]``: rows sum to 1, columns nearly to N / K.

    Caron et al. 2020 (SwAV), section 3.1 and listing of its appendix, as used by DINOv2 with 3 iterations
    (``sinkhorn_knopp_teacher``): ``Q = exp(t / T)``, then columns and rows made even in turn, columns over the batch of
    the whole ``team``, whose parts may differ in N. In logarithms, so that small temperatures neither overflow nor
    leave a prototype with nothing.
    """
    shares = logits.float() / temperature
    for _ in range(iterations):
        shares = shares - _logsumexp_of_columns(shares, team or Team())
        shares = shares - shares.logsumexp(1, keepdim=True)
    return shares.exp()


def _logsumexp_of_columns(shares: Tensor, team: Team) -> Tensor:
    """``[1, K]`` of ``shares [N, K]`` over the team; N may be 0 for some."""
    if team.size == 1:
        return shares.logsumexp(0, keepdim=True)
    # -inf of a process without rows.
    highest = team.largest(torch.cat([shares, shares.new_full((1, shares.shape[1]), -torch.inf)]).amax(0, keepdim=True))
    return highest + team.total((shares - highest).exp().sum(0, keepdim=True)).log()
