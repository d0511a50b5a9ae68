"""What is found frame by frame made steady: a median over a short time outvotes a frame that alone goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cine import FrameTimes

if TYPE_CHECKING:
    from torch import Tensor

STEADY_S = 0.05
"""Half the time over which a median is taken, in s, rounded to whole frames, at least one (our choice).

With unknown frame times it is two frames. End-systole loses a little of its depth: about half a point of EF at 30
frames/s, up to two at 100 beats/min and above (measured on true volume curves)."""


def steady_frames(times: FrameTimes) -> int:
    """How many frames on either side `STEADY_S` is."""
    rate = times.frame_rate
    return 2 if rate is None else max(1, round(STEADY_S * rate))


def median_over_time(values: Tensor, half: int) -> Tensor:
    """``values [T, ...]``, each replaced by the median of ``half`` frames on either side; NaN has no vote.

    The first and last frame stand for those beyond them, so that what moves steadily stays where it is up to the ends.
    """
    import torch

    if half == 0:
        return values
    window = torch.arange(-half, half + 1)
    steady = torch.empty_like(values)
    # Frame by frame: all windows of a long cine at once would take as many times its size.
    for frame in range(values.shape[0]):
        steady[frame] = values[(frame + window).clamp(0, values.shape[0] - 1)].nanmedian(dim=0).values
    return steady
