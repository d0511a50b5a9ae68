"""Values that change over a run, each from the step alone: a run that is continued has what it would have had."""

from __future__ import annotations

import math


def cosine(step: int, total: int, start: float, end: float, *, warmup: int = 0, warmup_start: float = 0.0) -> float:
    """The value at ``step``: a straight line to ``start`` over ``warmup`` steps, then half a cosine to ``end``.

    ``cosine_scheduler`` of facebookresearch/dino (utils.py) and ``CosineScheduler`` of facebookresearch/dinov2: the
    last step of the warm-up has ``start`` itself, the step after the last one would have ``end``.
    """
    if step < warmup:
        return warmup_start + (start - warmup_start) * (step / (warmup - 1) if warmup > 1 else 1.0)
    if step >= total:
        return end
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def linear(step: int, steps: int, start: float, end: float) -> float:
    """From ``start`` at step 0 to ``end`` at the last of ``steps``, and ``end`` from then on.

    The teacher's temperature in DINO, there by epoch, and in DINOv2, by step.
    """
    return end if step >= steps - 1 else start + (end - start) * step / (steps - 1)


def scaled_rate(rate: float, rule: str, batch: int, of: int) -> float:
    """The learning rate for a global ``batch`` when ``rate`` is meant for one of ``of`` frames.

    ``linear``: ``rate * batch / of`` (DINO: 5e-4 for 256, Goyal et al. 2017); ``sqrt``: ``rate * sqrt(batch / of)``
    (DINOv2: ``sqrt_wrt_1024``).
    """
    return rate * (batch / of if rule == "linear" else math.sqrt(batch / of))
