"""Which prompts a training frame is asked with: text, a shaken box, clicks, or an earlier mask, mixed in one batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..models.segmenter import MASK_PROMPT_LIMIT, PromptBatch, PromptSegmenter
from ..simulation.heart import Tissue

STRUCTURES: tuple[Tissue, ...] = (Tissue.LV, Tissue.LV_MYO, Tissue.LA, Tissue.RV, Tissue.RA)
"""What the first model learns, in the order of its card; text number 1 is the first."""

_SHARES = np.array([0.34, 0.22, 0.18, 0.14, 0.12])
_MAX_POINTS = 3
_BOX_SHAKE = 0.1
_SMALLEST_PX = 30


@dataclass(frozen=True)
class Ask:
    """One prompt and what it asks for: arrays in model-input pixels; ``target bool [S, S]``."""

    target: np.ndarray
    text: int = 0
    box: np.ndarray | None = None
    points: np.ndarray | None = None
    signs: np.ndarray | None = None
    mask: np.ndarray | None = None


def draw_asks(label: np.ndarray, count: int, rng: np.random.Generator) -> list[Ask]:
    """``count`` prompts for one frame's labels ``uint8 [S, S]``."""
    sizes = np.array([np.count_nonzero(label == k) for k in STRUCTURES])
    present = sizes >= _SMALLEST_PX
    asks = []
    for _ in range(count):
        if not present.any() or rng.random() < 0.06:
            # What is not in the picture has an empty mask, when it is asked for by name.
            pick = int(rng.integers(len(STRUCTURES)))
            asks.append(Ask(label == STRUCTURES[pick], text=pick + 1))
            continue
        shares = _SHARES * present
        pick = int(rng.choice(len(STRUCTURES), p=shares / shares.sum()))
        asks.append(_ask(label == STRUCTURES[pick], pick + 1, rng))
    return asks


def _ask(target: np.ndarray, text: int, rng: np.random.Generator) -> Ask:
    kind = rng.random()
    if kind < 0.42:
        return Ask(target, text=text)
    name = text if rng.random() < 0.3 else 0
    if kind < 0.65:
        return Ask(target, text=name, box=shaken_box(target, rng))
    if kind < 0.90:
        points, signs = _clicks(target, rng)
        return Ask(target, text=name, points=points, signs=signs)
    return Ask(target, text=name, mask=_earlier(target, rng))


def shaken_box(target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The tight box of ``target`` as x0, y0, x1, y1, each side moved by up to a tenth of its length."""
    rows, columns = np.flatnonzero(target.any(1)), np.flatnonzero(target.any(0))
    x0, y0, x1, y1 = columns[0], rows[0], columns[-1], rows[-1]
    shake = rng.uniform(-_BOX_SHAKE, _BOX_SHAKE, 4) * np.array([x1 - x0, y1 - y0, x1 - x0, y1 - y0])
    last = np.array([target.shape[1] - 1, target.shape[0] - 1] * 2)
    return np.asarray(np.clip(np.array([x0, y0, x1, y1]) + shake, 0, last), np.float32)


def _clicks(target: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    depth = cv2.distanceTransform(target.astype(np.uint8), cv2.DIST_L2, 3)
    inside = np.argwhere(depth >= min(2.0, float(depth.max())))
    outside = np.argwhere(~target)
    places, signs = [inside[rng.integers(len(inside))]], [1]
    for _ in range(int(rng.choice([0, 1, 2], p=[0.6, 0.25, 0.15]))):
        positive = rng.random() < 0.5
        pool = inside if positive else outside
        places.append(pool[rng.integers(len(pool))])
        signs.append(int(positive))
    return np.array(places, np.float32)[:, ::-1].copy(), np.array(signs)


def _earlier(target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``target`` as it may have looked some frames ago: larger or smaller, shifted, softly drawn."""
    import cv2

    rows, columns = np.nonzero(target)
    center = np.array([columns.mean(), rows.mean()])
    linear = np.diag(rng.uniform(0.75, 1.3, 2))
    shift = center + rng.normal(0, 0.03, 2) * target.shape[0] - linear @ center
    moved = cv2.warpAffine(target.astype(np.float32), np.column_stack([linear, shift]), target.shape[::-1])
    soft = cv2.GaussianBlur(moved, (0, 0), 1.5) * 2 - 1
    return np.asarray(soft * rng.uniform(0.4, 1.0) * MASK_PROMPT_LIMIT, np.float32)


def collate(asks: list[Ask], model: PromptSegmenter) -> tuple[PromptBatch, Tensor]:
    """Prompts as one batch, and their targets as coverage ``float32 [N, S/2, S/2]``."""
    batch = PromptBatch.empty(len(asks), points=_MAX_POINTS)
    side = asks[0].target.shape[0]
    masks = torch.zeros(len(asks), side, side)
    for i, ask in enumerate(asks):
        batch.text[i] = ask.text
        if ask.box is not None:
            batch.boxes[i], batch.has_box[i] = torch.from_numpy(ask.box), True
        if ask.points is not None and ask.signs is not None:
            batch.points[i, : len(ask.points)] = torch.from_numpy(ask.points)
            batch.labels[i, : len(ask.signs)] = torch.from_numpy(ask.signs)
        if ask.mask is not None:
            masks[i], batch.has_mask[i] = torch.from_numpy(ask.mask), True
    batch.masks = model.mask_prompt(masks)
    targets = torch.from_numpy(np.stack([ask.target for ask in asks])).float()
    return batch, torch.nn.functional.avg_pool2d(targets[:, None], 2)[:, 0]
