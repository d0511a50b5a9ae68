"""The contrast between studies."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def nt_xent(one: Tensor, two: Tensor, temperature: float, studies: Tensor | None = None) -> Tensor:
    """Normalized temperature-scaled cross-entropy between the counterparts ``one`` and ``two [B, D]``; float32.

    Chen et al. 2020 (SimCLR), equation 1: ``-log(exp(s_ij / T) / sum_k exp(s_ik / T))``, s the cosine, over all k but i
    itself, averaged over all 2 B. Others of the same of ``studies [B]`` are in no sum: they are no strangers.
    """
    with torch.autocast(one.device.type, enabled=False):
        return functional.cross_entropy(_likeness(one, two, studies) / temperature, _counterparts(one))


@torch.no_grad()
def counterparts_found(one: Tensor, two: Tensor, studies: Tensor) -> Tensor:
    """The share of clips ``[B, D]`` that are more like their counterpart than like those of any other study."""
    return (_likeness(one, two, studies).argmax(1) == _counterparts(one)).float().mean()


def _counterparts(one: Tensor) -> Tensor:
    """Where the counterpart of each of the 2 B is."""
    return torch.arange(2 * len(one), device=one.device).roll(len(one))


def _likeness(one: Tensor, two: Tensor, studies: Tensor | None) -> Tensor:
    """Cosines ``[2 B, 2 B]``; -inf where two are not compared: each with itself, and with others of its study."""
    unit, places = functional.normalize(torch.cat([one, two]).float(), dim=1), _counterparts(one)
    whose = places % len(one) if studies is None else studies.to(one.device).repeat(2)
    unseen = whose[:, None] == whose[None]
    unseen[torch.arange(len(unseen)), places] = False
    return (unit @ unit.T).masked_fill(unseen, -torch.inf)
