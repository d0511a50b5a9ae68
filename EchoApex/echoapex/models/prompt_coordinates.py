"""Prompts as users give them, in pixels of the full frame, to prompts as the segmenter takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ..errors import PromptError
from ..prompts import Prompt
from .preprocessing import FrameGeometry
from .prompt_segmenter import MASK_PROMPT_LIMIT, PromptBatch, PromptSegmenter


def prompt_batch(
    prompts: Sequence[Prompt], geometry: FrameGeometry, structures: Sequence[str], segmenter: PromptSegmenter
) -> PromptBatch:
    """The ``prompts`` of frames with this ``geometry`` as one batch, on the CPU.

    ``structures`` are the identifiers the model knows, in the order of its card. Raises `PromptError` for a structure
    that is not among them.
    """
    batch = PromptBatch.empty(len(prompts), points=max((len(prompt.points) for prompt in prompts), default=0))
    for row, prompt in enumerate(prompts):
        _fill_points(batch, row, prompt, geometry)
        if prompt.box is not None:
            # In a picture that is turned, the upper edge becomes the lower one.
            corners = np.sort(geometry.to_model(np.reshape(prompt.box, (2, 2))), axis=0)
            batch.boxes[row], batch.has_box[row] = torch.from_numpy(corners.ravel()).float(), True
        if prompt.structure is not None:
            batch.text[row] = _text_index(prompt.structure, structures)
    _fill_masks(batch, prompts, geometry, segmenter)
    return batch


def _fill_points(batch: PromptBatch, row: int, prompt: Prompt, geometry: FrameGeometry) -> None:
    count = len(prompt.points)
    if count:
        places = geometry.to_model([(point.x, point.y) for point in prompt.points])
        batch.points[row, :count] = torch.from_numpy(places).float()
        batch.labels[row, :count] = torch.tensor([int(point.positive) for point in prompt.points])


def _text_index(structure: str, structures: Sequence[str]) -> int:
    if structure not in structures:
        rule = f"This model knows by name only {', '.join(structures)}; a box or clicks show it other structures"
        raise PromptError(rule, value=structure)
    return structures.index(structure) + 1


def _fill_masks(
    batch: PromptBatch, prompts: Sequence[Prompt], geometry: FrameGeometry, segmenter: PromptSegmenter
) -> None:
    given = {row: prompt.mask for row, prompt in enumerate(prompts) if prompt.mask is not None}
    if not given:
        return
    rows = torch.tensor(list(given))
    covered = geometry.prepare_masks(np.stack(list(given.values())))
    logits = segmenter.mask_prompt((covered * 2.0 - 1.0) * MASK_PROMPT_LIMIT)
    batch.masks = logits.new_zeros(len(prompts), *logits.shape[1:]).index_copy(0, rows, logits)
    batch.has_mask[rows] = True
