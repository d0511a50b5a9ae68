"""Clicks count where they are made: what a network answers against one is turned there, and around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .pixel_distance import distance_to_outside

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.prompt_segmenter import PromptBatch

_LEAST_LOGIT = 2.0
"""How far the answer at a click is on its side, so that it is after scaling, too (our choice, see `heed`)."""

_LEAST_CELLS = 2.0
"""Least width of what is turned around a click, in cells of the logits (our choice)."""


def heed(logits: Tensor, batch: PromptBatch) -> Tensor:
    """``logits [N, S/2, S/2]`` of ``batch``, with each click on its own side of the border.

    Where the answer at a click is not, a Gaussian is added that puts it there, as wide as the click is deep inside what
    it contradicts, but at most half as wide as the next click of the other kind is far. So little is turned where the
    network was sure, and more where it was not. Clicks come in their order, each on what the ones before have made. On
    32 chambers of 6 simulated hearts of a kind the model had not learned, four corrections by clicks in the largest
    errors: the clicked place followed in 100 and 98 % (negative and positive; without this 36 and 64 %), and Dice rose
    from 0.928 to 0.962 (LV; without 0.958), 0.716 to 0.925 (LA; 0.892), 0.632 to 0.786 (RV; 0.716). A width of 0.7
    or 1.5 of the depth was no better for all three, half the height let 5 to 6 % of the clicks unheeded. On 51 chambers
    of 10 others of a kind it had learned: 98 and 100 % (42 and 71), LV 0.921 to 0.960 (0.957), LA 0.897 to 0.952
    (0.941), RV 0.777 to 0.884 (0.871).
    """
    heeded = logits.clone()
    for one, points, labels in zip(heeded, batch.points.cpu().numpy(), batch.labels.cpu().numpy(), strict=True):
        given = labels >= 0
        # A cell is two pixels of the model input, its center between them.
        _turn(one, (points[given] - 0.5) / 2, labels[given] == 1)
    return heeded


def _turn(logits: Tensor, cells: NDArray[np.float32], positive: NDArray[np.bool_]) -> None:
    """Turns ``logits [h, w]`` in place at clicks ``cells [P, 2]`` (x, y)."""
    import torch

    for click, wanted in zip(cells, positive, strict=True):
        sign = 1.0 if wanted else -1.0
        x, y = np.clip(np.round(click), 0, np.array(logits.shape[::-1]) - 1).astype(int)
        missing = _LEAST_LOGIT - sign * float(logits[y, x])
        if missing <= 0:
            continue
        contradicted = (logits <= 0).numpy() if wanted else (logits > 0).numpy()
        depth = float(distance_to_outside(np.pad(contradicted, 1))[1 + y, 1 + x])
        width = _width(depth, np.linalg.norm(cells[positive != wanted] - click, axis=1))
        rows, columns = np.ogrid[: logits.shape[0], : logits.shape[1]]
        squared = (columns - click[0]) ** 2 + (rows - click[1]) ** 2
        logits += torch.from_numpy(sign * missing * np.exp(-squared / (2 * width**2))).to(logits)


def _width(depth: float, apart: NDArray[np.float32]) -> float:
    """The standard deviation in cells around a click that is so deep, those of the other kind so far ``apart``."""
    width = max(depth, _LEAST_CELLS)
    return width if not len(apart) else max(min(width, float(apart.min()) / 2), 1.0)
