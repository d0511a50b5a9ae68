"""Which prompts a training frame is asked with: text, a shaken box, clicks, an earlier mask, corrections of one.

What is asked for is a structure by name or without, two chambers at once, one of two after a click on the other, or a
thing without a name. Kinds and shares are choices of this project; clicks on errors follow Kirillov et al. 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from ..models.prompt_segmenter import MASK_PROMPT_LIMIT, PromptBatch, PromptSegmenter
from ..simulation.heart import WALLS, Tissue
from .unknown_objects import largest_piece

_FAVOR = {Tissue.LV: 2.0, Tissue.LV_MYO: 1.6, Tissue.LA: 1.4, Tissue.RA: 1.4}
"""Structures that are asked for more often than others."""
_NEIGHBORS = (
    *((Tissue.LV, Tissue.LA), (Tissue.LV, Tissue.RV), (Tissue.RV, Tissue.RA), (Tissue.LA, Tissue.RA)),
    *((Tissue.LA, Tissue.AO), (Tissue.LV, Tissue.AO), (Tissue.RV, Tissue.AO)),
)
MAX_POINTS = 6
_BOX_SHAKE = 0.1
_SMALLEST_PX = 30
_SMALLEST_ERROR_PX = 12


@dataclass(frozen=True)
class Ask:
    """One prompt and what it asks for: arrays in model-input pixels; ``target bool [S, S]``."""

    target: np.ndarray
    text: int = 0
    box: np.ndarray | None = None
    points: np.ndarray | None = None
    signs: np.ndarray | None = None
    mask: np.ndarray | None = None

    @property
    def pointed(self) -> bool:
        """Whether something is pointed at, so that a further click makes sense."""
        return self.box is not None or self.points is not None or self.mask is not None


def draw_asks(
    label: np.ndarray,
    count: int,
    structures: Sequence[Tissue],
    rng: np.random.Generator,
    *,
    stranger: np.ndarray | None = None,
    held_out: Sequence[Tissue] = (),
) -> list[Ask]:
    """``count`` prompts for one frame's labels ``uint8 [S, S]``; text number 1 is the first of ``structures``.

    ``stranger bool [S, S]`` is a thing without a name: half of the prompts then point at it. Nothing of ``held_out`` is
    ever asked for.
    """
    asks = [] if stranger is None else [_pointed(stranger, 0, rng) for _ in range(max(count // 2, 1))]
    present = [k for k in structures if np.count_nonzero(label == k) >= _SMALLEST_PX]
    while len(asks) < count:
        if not present or rng.random() < 0.07:
            # What is not in the picture has an empty mask, when it is asked for by name.
            pick = int(rng.integers(len(structures)))
            asks.append(Ask(label == structures[pick], text=pick + 1))
            continue
        shown = {k for k in set(chain(*_NEIGHBORS)) if np.count_nonzero(label == k) >= _SMALLEST_PX}
        pairs = [pair for pair in _NEIGHBORS if shown.difference(held_out).issuperset(pair)]
        if pairs and rng.random() < 0.22:
            asks.append(_two_chambers(label, pairs[int(rng.integers(len(pairs)))], rng))
            continue
        weights = np.array([_FAVOR.get(k, 1.0) for k in present])
        wanted = present[int(rng.choice(len(present), p=weights / weights.sum()))]
        target, text = label == wanted, structures.index(wanted) + 1
        by_name = rng.random() < 0.45
        asks.append(Ask(target, text=text) if by_name else _pointed(target, text, rng, wall=wanted in WALLS))
    return asks


def _pointed(target: np.ndarray, text: int, rng: np.random.Generator, *, wall: bool = False) -> Ask:
    """Something shown by a box, clicks, an earlier mask or clicks that correct one; named in three of ten.

    A box about a ``wall`` is that of what it encloses, too, so that there it comes with the name.
    """
    kind, name = rng.random(), text if rng.random() < 0.3 else 0
    if kind < 0.36:
        return Ask(target, text=text if wall else name, box=shaken_box(target, rng))
    if kind < 0.70:
        points, signs = _clicks(target, rng)
        return Ask(target, text=name, points=points, signs=signs)
    if kind < 0.82:
        return Ask(target, text=name, mask=_soft(_earlier(target, rng), rng))
    return _corrected(target, name, rng)


def _two_chambers(label: np.ndarray, pair: tuple[Tissue, Tissue], rng: np.random.Generator) -> Ask:
    """Two neighboring chambers by a box or a click in each; or one, when a negative click takes the other away."""
    first, second = rng.permutation(np.array(pair))
    one, two = label == first, label == second
    both, box = one | two, None
    inside, taken = _place(one, rng), _place(two, rng)
    kind = rng.random()
    if kind < 0.25:
        return Ask(both, points=np.stack([inside, taken]), signs=np.array([1, 1]))
    mask = None
    if kind < 0.60:
        mask = _soft(both.astype(np.float32), rng)
    else:
        box = shaken_box(both, rng)
    if rng.random() < 0.25:
        return Ask(both, box=box, mask=mask)
    if rng.random() < 0.5:
        return Ask(one, box=box, mask=mask, points=taken[None], signs=np.array([0]))
    return Ask(one, box=box, mask=mask, points=np.stack([inside, taken]), signs=np.array([1, 0]))


def _corrected(target: np.ndarray, text: int, rng: np.random.Generator) -> Ask:
    """An earlier mask that went wrong, and one to five clicks where it did."""
    wrong = _earlier(target, rng) > 0.5
    places, signs = [_place(target, rng)], [1]
    for _ in range(int(rng.integers(0, 5))):
        missing, extra = target & ~wrong, wrong & ~target
        positive = np.count_nonzero(missing) >= np.count_nonzero(extra)
        error = missing if positive else extra
        if not error.any():
            break
        places.append(_place(error, rng))
        signs.append(int(positive))
        # The next click goes elsewhere.
        wrong = _mended(wrong, target, places[-1], rng)
    return Ask(target, text=text, points=np.stack(places), signs=np.array(signs), mask=_soft(wrong * 1.0, rng))


def corrected_by_click(ask: Ask, answer: np.ndarray, rng: np.random.Generator) -> Ask:
    """``ask`` with one more click, where ``answer bool [S, S]`` errs most, and the answer as its earlier mask.

    Unchanged where nothing is wrong, or where it has `MAX_POINTS` clicks.
    """
    missing, extra = ask.target & ~answer, answer & ~ask.target
    positive = np.count_nonzero(missing) >= np.count_nonzero(extra)
    error = largest_piece(missing if positive else extra)
    points = np.zeros((0, 2), np.float32) if ask.points is None else ask.points
    signs = np.zeros(0, int) if ask.signs is None else ask.signs
    if np.count_nonzero(error) < _SMALLEST_ERROR_PX or len(points) == MAX_POINTS:
        return ask
    return replace(
        ask,
        points=np.concatenate([points, _place(error, rng)[None]]),
        signs=np.concatenate([signs, [int(positive)]]),
        mask=_soft(answer, rng),
    )


def _mended(wrong: np.ndarray, target: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.ogrid[: target.shape[0], : target.shape[1]]
    near = np.hypot(columns - place[0], rows - place[1]) < rng.uniform(0.04, 0.12) * target.shape[0]
    return np.where(near, target, wrong)


def shaken_box(target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The tight box of ``target`` as x0, y0, x1, y1, each side moved by up to a tenth of its length."""
    rows, columns = np.flatnonzero(target.any(1)), np.flatnonzero(target.any(0))
    x0, y0, x1, y1 = columns[0], rows[0], columns[-1], rows[-1]
    shake = rng.uniform(-_BOX_SHAKE, _BOX_SHAKE, 4) * np.array([x1 - x0, y1 - y0, x1 - x0, y1 - y0])
    last = np.array([target.shape[1] - 1, target.shape[0] - 1] * 2)
    return np.asarray(np.clip(np.array([x0, y0, x1, y1]) + shake, 0, last), np.float32)


def _place(region: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A click ``(x, y)`` in ``region``, not on its edge where there is room: now and then in its middle."""
    import cv2

    depth = cv2.distanceTransform(region.astype(np.uint8), cv2.DIST_L2, 3)
    least = 0.9 * depth.max() if rng.random() < 0.3 else min(2.0, float(depth.max()))
    inside = np.argwhere(region & (depth >= least))
    return np.asarray(inside[rng.integers(len(inside))][::-1], np.float32)


def _clicks(target: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    places, signs = [_place(target, rng)], [1]
    outside = np.argwhere(~target)
    for _ in range(int(rng.choice([0, 1, 2, 3, 4], p=[0.56, 0.18, 0.12, 0.08, 0.06]))):
        positive = rng.random() < 0.5
        places.append(_place(target, rng) if positive else outside[rng.integers(len(outside))][::-1].astype(np.float32))
        signs.append(int(positive))
    return np.stack(places), np.array(signs)


def _earlier(target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``target`` as it may have looked some frames ago: larger or smaller, and shifted; ``float32 [S, S]``."""
    import cv2

    rows, columns = np.nonzero(target)
    center = np.array([columns.mean(), rows.mean()])
    linear = np.diag(rng.uniform(0.75, 1.3, 2))
    shift = center + rng.normal(0, 0.03, 2) * target.shape[0] - linear @ center
    return np.asarray(cv2.warpAffine(target.astype(np.float32), np.column_stack([linear, shift]), target.shape[::-1]))


def _soft(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A mask as logits, softly drawn and more or less sure."""
    import cv2

    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5) * 2 - 1
    return np.asarray(soft * rng.uniform(0.4, 1.0) * MASK_PROMPT_LIMIT, np.float32)


def collate(asks: list[Ask], model: PromptSegmenter) -> tuple[PromptBatch, Tensor]:
    """Prompts as one batch, and their targets as coverage ``float32 [N, S/2, S/2]``."""
    batch = PromptBatch.empty(len(asks), points=MAX_POINTS)
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
