"""Structures through a whole cine, by name or from a prompt on one frame; what hides in single frames is not lost.

A model that looks at each frame by itself may lose a chamber in haze, leak out of it, or take its neighbor for it,
while the frames before and after show where it is. Such a frame is odd, and what those show is carried into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from ..cine import BoolMask, Cine
from ..prompts import Prompt
from .carrying import carry, carry_through
from .encoding import EncodedCine, encoded
from .propagation import overlap, single_frames
from .segmentation import Segmentation, check_prompts, segment_frame, segment_structures

if TYPE_CHECKING:
    from ..models.model_loading import LoadedModel

ODD = 0.8
"""A mask that has less Dice than this with what most frames within `SINGLE_S` before and after show is odd. Our choice:
true chambers of 11 simulated hearts had 0.88 or more in every frame, at the height of ejection too."""


def segment_cine(model: LoadedModel, clip: Cine | EncodedCine, prompt: Prompt, frame: int = 0) -> Segmentation:
    """One structure in every frame of ``clip``.

    A structure alone is looked for by name (`segment_by_name`); a prompt that points is given on ``frame``, where its
    mask stays as it is, and carried from there (`carry_through`). Masks of a named cavity are one piece, others may be
    several; all lie inside the sector. Raises `PromptError` when the prompt does not fit the cine or the model.
    """
    seen = encoded(model, clip)
    check_prompts(seen.cine, frame, [prompt])
    if not prompt.points and prompt.box is None and prompt.mask is None:
        assert prompt.structure is not None
        return segment_by_name(model, seen, [prompt.structure])[prompt.structure]
    first = segment_frame(model, seen, frame, [prompt])
    return carry_through(seen, frame, first.masks[0], float(first.confidence[0]), prompt.structure)


def segment_by_name(model: LoadedModel, clip: Cine | EncodedCine, names: Iterable[str]) -> dict[str, Segmentation]:
    """As `segment_structures` with ``steady``; frames that are odd (`ODD`) for no longer than `SINGLE_S` are mended.

    Into those the masks of the frames before and after are carried (`carry`), less what other structures have there.
    """
    seen = encoded(model, clip)
    found = segment_structures(model, seen, names, steady=True)
    odd = {name: list(_odd_runs(one.masks, single_frames(seen.cine))) for name, one in found.items()}
    for name, runs in odd.items():
        for run in runs:
            _mend(seen, found, name, run)
    return found


def _mend(seen: EncodedCine, found: dict[str, Segmentation], name: str, run: range) -> None:
    masks, sure = found[name].masks, found[name].confidence
    given = {frame: masks[frame] for frame in (run.start - 1, run.stop)}
    carried = carry(seen, given, run, {frame: float(sure[frame]) for frame in given})
    others = [one.masks[run.start : run.stop] for other, one in found.items() if other != name]
    masks[run.start : run.stop] = carried.masks & ~np.any([np.zeros_like(carried.masks), *others], axis=0)
    sure[run.start : run.stop] = carried.confidence


def _odd_runs(masks: BoolMask, single: int) -> Iterator[range]:
    """Runs of at most ``single`` odd frames of ``masks [T, H, W]``, with frames before and after that are not."""
    usual = [overlap(mask, most) >= ODD for mask, most in zip(masks, _majority(masks, single), strict=True)]
    for odd, group in groupby(range(len(masks)), key=lambda frame: not usual[frame]):
        run = list(group)
        if odd and run[0] > 0 and run[-1] < len(masks) - 1 and len(run) <= single:
            yield range(run[0], run[-1] + 1)


def _majority(masks: BoolMask, half: int) -> Iterator[BoolMask]:
    """What over half of the frames from ``half`` before to ``half`` after each one show, ``bool [H, W]``."""
    count = len(masks)
    for frame in range(count):
        near = masks[max(frame - half, 0) : min(frame + half + 1, count)]
        shown = np.sum(near, axis=0, dtype=np.uint16)
        yield np.asarray(2 * shown > len(near))
