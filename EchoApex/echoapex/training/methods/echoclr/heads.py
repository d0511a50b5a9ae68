"""What is taken off again when an encoder of clips has learned."""

from __future__ import annotations

from torch import nn

from .views import ORDERS


def projector(width: int, hidden: int, projection: int) -> nn.Module:
    """Two layers without biases to the space in which studies are compared."""
    return nn.Sequential(nn.Linear(width, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, projection, bias=False))


def order_head(width: int) -> nn.Module:
    """One layer that answers in which of `ORDERS` the frames are shown."""
    return nn.Linear(width, len(ORDERS))
