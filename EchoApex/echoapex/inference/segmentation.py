"""Structures in the frames of a cine: found by name in every one, or prompted on one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, Cine
from ..errors import PromptError
from ..prompts import Prompt
from .encoding import EncodedCine, batches, encoded
from .heeded_clicks import heed
from .mask_pieces import least_piece, main_pieces
from .prompt_decoding import better_by_name, decode
from .temporal_smoothing import median_over_time, steady_frames

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.model_loading import LoadedModel
    from ..models.preprocessing import FrameGeometry


@dataclass(frozen=True)
class Segmentation:
    """Masks of one structure through a cine: ``masks bool [T, H, W]``, ``confidence [T]`` (predicted Dice, 0 to 1)."""

    masks: BoolMask
    confidence: NDArray[np.float32]


def segment_structures(
    model: LoadedModel, clip: Cine | EncodedCine, names: Iterable[str], *, steady: bool = False
) -> dict[str, Segmentation]:
    """Several structures by name, each frame encoded once; results by structure identifier.

    Each frame is looked at by itself; where two structures asked for together are found, the surer one stays, so that
    they do not overlap (but in a small hole that is filled). With ``steady`` the median over `STEADY_S` before and
    after is taken in every pixel (of the logits, and of the confidence): a frame that alone goes wrong is outvoted,
    while a border that moves one way stays where it was. Raises `PromptError` for a structure unknown to the model.
    """
    seen, wanted = encoded(model, clip), list(dict.fromkeys(names))
    if not wanted:
        return {}
    half = steady_frames(seen.cine.times) if steady else 0
    logits, confidence = (median_over_time(values, half) for values in _decode_names(seen, wanted))
    masks = _masks_apart(seen.geometry, logits, wanted)
    return {name: Segmentation(masks[index], confidence[:, index].numpy()) for index, name in enumerate(wanted)}


def _decode_names(seen: EncodedCine, names: list[str]) -> tuple[Tensor, Tensor]:
    """Logits ``[T, N, S/2, S/2]`` and predicted Dice ``[T, N]`` of N structures in every frame."""
    import torch

    from ..models.prompt_coordinates import prompt_batch

    asked = [Prompt(structure=name) for name in names]
    logits, confidence = [], []
    for frames in batches(seen.cine.frame_count):
        features = seen.features(frames)
        batch = prompt_batch(asked * len(frames), seen.geometry, seen.model.card.structures, seen.model.model)
        found, sure = better_by_name(seen, features, batch, decode(seen, features, batch))
        logits.append(found.reshape(len(frames), len(names), *found.shape[1:]))
        confidence.append(sure.reshape(len(frames), len(names)))
    return torch.cat(logits), torch.cat(confidence)


def _masks_apart(geometry: FrameGeometry, logits: Tensor, names: list[str]) -> BoolMask:
    """Full-frame masks ``[N, T, H, W]`` of ``logits [T, N, S/2, S/2]``, no two of a frame over each other."""
    masks = np.zeros((len(names), logits.shape[0], *geometry.sector.mask.shape), bool)
    for frames in batches(logits.shape[0]):
        apart = _apart(logits[frames.start : frames.stop])
        for index, name in enumerate(names):
            asked = [Prompt(structure=name)] * len(frames)
            masks[index, frames.start : frames.stop] = _masks(geometry, apart[:, index], asked)
    return masks


def _apart(logits: Tensor) -> Tensor:
    """``logits [T, N, h, w]`` lowered by the best of the others where those are surer: at most one is above 0."""
    import torch

    if logits.shape[1] < 2:
        return logits
    two = logits.topk(2, dim=1).values
    others = torch.where(logits < two[:, :1], two[:, :1], two[:, 1:])
    return torch.minimum(logits, logits - others)


def segment_frame(
    model: LoadedModel, clip: Cine | EncodedCine, frame: int, prompts: list[Prompt], *, zero_prompts: bool = False
) -> Segmentation:
    """Several prompts on one frame: ``masks bool [N, H, W]`` and ``confidence [N]``, one for each prompt.

    ``zero_prompts`` blanks the prompts inside the network: a test of whether prompts decide. Raises `PromptError` for
    prompts that do not fit the cine or the model.
    """
    from ..models.prompt_coordinates import prompt_batch

    seen = encoded(model, clip)
    check_prompts(seen.cine, frame, prompts)
    if not prompts:
        return Segmentation(np.zeros((0, seen.cine.rows, seen.cine.columns), bool), np.zeros(0, np.float32))
    batch = prompt_batch(prompts, seen.geometry, model.card.structures, model.model)
    features = seen.features([frame])
    logits, confidence = decode(seen, features, batch, shaped=not zero_prompts, zero_prompts=zero_prompts)
    if not zero_prompts:
        logits, confidence = better_by_name(seen, features, batch, (logits, confidence))
        logits = heed(logits, batch)
    return Segmentation(_masks(seen.geometry, logits, prompts), confidence.numpy())


def check_prompts(cine: Cine, frame: int, prompts: Iterable[Prompt]) -> None:
    """Raises `PromptError` for prompts that do not fit a frame of ``cine``, or point beside its ultrasound picture."""
    cine.check_frame(frame)
    for prompt in prompts:
        prompt.check(cine.rows, cine.columns)
        _check_place(cine, prompt)


def _check_place(cine: Cine, prompt: Prompt) -> None:
    """Refuses to look for something where there is no picture."""
    inside = cine.sector.mask
    for point in prompt.points:
        if point.positive and not inside[round(point.y), round(point.x)]:
            rule = "A click on what is wanted must lie in the ultrasound picture"
            raise PromptError(rule, value=f"{point.x:g}, {point.y:g}", file=cine.path)
    if prompt.box is not None:
        x0, y0, x1, y1 = (round(value) for value in prompt.box)
        if not inside[y0 : y1 + 1, x0 : x1 + 1].any():
            raise PromptError("A box must lie on the ultrasound picture", value=prompt.box, file=cine.path)


def _masks(geometry: FrameGeometry, logits: Tensor, prompts: list[Prompt]) -> BoolMask:
    """Full-frame masks ``[N, H, W]`` of model logits, reduced to their main pieces."""
    masks = np.zeros((len(prompts), *geometry.sector.mask.shape), bool)
    for piece in batches(len(prompts)):
        restored = geometry.restore_masks(logits[piece.start : piece.stop])
        for row, one in zip(piece, restored, strict=True):
            # A model may know structures that the engine has no words for.
            masks[row] = main_pieces(one, least_piece(prompts[row].structure), prompts[row].points)
    return masks
