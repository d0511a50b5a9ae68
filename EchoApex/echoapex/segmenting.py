"""Structures through a whole cine: found by name in every frame, or prompted on one frame and carried to the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .cine import BoolMask, Cine
from .errors import PromptError
from .prompts import Prompt
from .structures import structures

if TYPE_CHECKING:
    from .models.encoder import Features
    from .models.preprocess import FrameGeometry
    from .models.store import LoadedModel

FRAMES_PER_BATCH = 8
WALL_PIECE = 0.25
"""Size of the smallest piece of a wall that is kept, of the largest (our choice)."""


@dataclass(frozen=True)
class Segmentation:
    """Masks of one structure through a cine: ``masks bool [T, H, W]``, ``confidence [T]`` (predicted Dice, 0 to 1)."""

    masks: BoolMask
    confidence: NDArray[np.float32]


def segment_cine(model: LoadedModel, cine: Cine, prompt: Prompt, frame: int = 0) -> Segmentation:
    """One structure in every frame of ``cine``.

    A structure alone is looked for in each frame by itself; a prompt that points is given on ``frame`` and its mask
    carried outwards in both directions, each frame prompted with its neighbor's mask. Masks are one piece (a wall may
    be several) and lie inside the sector. Raises `PromptError` when the prompt does not fit the cine or the model.
    """
    if not 0 <= frame < cine.frame_count:
        raise PromptError(f"The prompted frame must be 0 to {cine.frame_count - 1}", value=frame, file=cine.path)
    prompt.check(cine.rows, cine.columns)
    if not prompt.points and prompt.box is None and prompt.mask is None:
        assert prompt.structure is not None
        return segment_structures(model, cine, [prompt.structure])[prompt.structure]
    return _carried(model, cine, prompt, frame)


def segment_structures(model: LoadedModel, cine: Cine, names: Iterable[str]) -> dict[str, Segmentation]:
    """Several structures by name, each frame encoded once; results by structure identifier."""
    wanted = list(names)
    prompts = [Prompt(structure=structure) for structure in wanted]
    masks = {structure: np.zeros(cine.frames.shape, bool) for structure in wanted}
    confidence = {structure: np.zeros(cine.frame_count, np.float32) for structure in wanted}
    geometry = model.card.preprocessing.cine_geometry(cine)
    for start in range(0, cine.frame_count, FRAMES_PER_BATCH):
        chunk = slice(start, min(start + FRAMES_PER_BATCH, cine.frame_count))
        features = _encode(model, geometry, cine.frames[chunk])
        for structure, prompt in zip(wanted, prompts, strict=True):
            count = chunk.stop - chunk.start
            found, sure = _decode(model, geometry, features, [prompt] * count)
            masks[structure][chunk], confidence[structure][chunk] = found, sure
    return {structure: Segmentation(masks[structure], confidence[structure]) for structure in wanted}


def segment_frame(
    model: LoadedModel, cine: Cine, frame: int, prompts: list[Prompt], *, zero_prompts: bool = False
) -> Segmentation:
    """Several prompts on one frame: ``masks bool [N, H, W]`` and ``confidence [N]``, one for each prompt.

    ``zero_prompts`` blanks the prompts inside the network: a test of whether prompts decide.
    """
    for prompt in prompts:
        prompt.check(cine.rows, cine.columns)
    geometry = model.card.preprocessing.cine_geometry(cine)
    features = _encode(model, geometry, cine.frames[frame : frame + 1])
    masks, confidence = _decode(model, geometry, features, prompts, zero_prompts=zero_prompts)
    return Segmentation(masks, confidence)


def _carried(model: LoadedModel, cine: Cine, prompt: Prompt, frame: int) -> Segmentation:
    geometry = model.card.preprocessing.cine_geometry(cine)
    masks = np.zeros(cine.frames.shape, bool)
    confidence = np.zeros(cine.frame_count, np.float32)

    def look(index: int, ask: Prompt) -> None:
        features = _encode(model, geometry, cine.frames[index : index + 1])
        found, sure = _decode(model, geometry, features, [ask])
        masks[index], confidence[index] = found[0], sure[0]

    look(frame, prompt)
    for step, end in ((1, cine.frame_count), (-1, -1)):
        for index in range(frame + step, end, step):
            earlier = masks[index - step]
            if not earlier.any():
                # Nothing left to carry: the structure has gone, and later frames stay empty.
                break
            look(index, replace(prompt, points=(), box=None, mask=earlier))
    return Segmentation(masks, confidence)


def _encode(model: LoadedModel, geometry: FrameGeometry, frames: NDArray[np.uint8]) -> Features:
    import torch

    with torch.inference_mode():
        return model.model.encode(geometry.prepare(frames).to(model.device))


def _decode(
    model: LoadedModel,
    geometry: FrameGeometry,
    features: Features,
    prompts: list[Prompt],
    *,
    zero_prompts: bool = False,
) -> tuple[BoolMask, NDArray[np.float32]]:
    """One prompt for each encoded frame, or many for a single one."""
    import torch

    from .models.prompting import prompt_batch

    frames = features.embedding.shape[0]
    index = torch.arange(len(prompts)) if frames == len(prompts) else torch.zeros(len(prompts), dtype=torch.long)
    batch = prompt_batch(prompts, geometry, model.card.structures, model.model)
    with torch.inference_mode():
        logits, dice = model.model.decode(
            features, index.to(model.device), batch.to(model.device), zero_prompts=zero_prompts
        )
        restored = geometry.restore_logits(logits)
    rows, columns = restored.shape[1:]
    masks = np.zeros((len(prompts), rows, columns), bool)
    for row, prompt in enumerate(prompts):
        wall = prompt.structure is not None and structures()[prompt.structure].wall
        masks[row] = main_pieces(restored[row] > 0, WALL_PIECE if wall else 1.0)
    return masks, dice.cpu().numpy().astype(np.float32)


def main_pieces(mask: BoolMask, least: float = 1.0) -> BoolMask:
    """The largest connected piece of ``mask [H, W]`` and those of at least ``least`` of its size, small holes filled.

    A hole of over a twentieth of the piece is anatomy: the cavity inside a ring of myocardium.
    """
    from scipy import ndimage

    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    pieces = np.bincount(labels.ravel())
    pieces[0] = 0
    kept = pieces >= least * pieces.max()
    # Of equals only one stays: one piece means one.
    kept = kept if least < 1.0 else np.arange(pieces.size) == int(np.argmax(pieces))
    largest = kept[labels]
    holes, hole_count = ndimage.label(ndimage.binary_fill_holes(largest) & ~largest)
    sizes = np.bincount(holes.ravel(), minlength=hole_count + 1)
    small = np.flatnonzero(sizes <= np.count_nonzero(largest) / 20)
    return np.asarray(largest | np.isin(holes, small[small > 0]), bool)
