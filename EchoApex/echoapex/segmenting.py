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
    from torch import Tensor

    from .models.encoder import Features
    from .models.preprocess import FrameGeometry
    from .models.store import LoadedModel

FRAMES_PER_BATCH = 8
STEADY_S = 0.05
"""Half the time over which steady masks take a median, in s, rounded to whole frames, at least one (our choice).

With unknown frame times it is two frames. End-systole loses a little of its depth: about half a point of EF at 30
frames/s, up to two at 100 beats/min and above (measured on true volume curves)."""
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
    carried outwards in both directions, each frame prompted with its neighbor's mask. Masks of a named cavity are
    one piece, others may be several; all lie inside the sector. Raises `PromptError` when the prompt does not fit the
    cine or the model.
    """
    _check(cine, frame, [prompt])
    if not prompt.points and prompt.box is None and prompt.mask is None:
        assert prompt.structure is not None
        return segment_structures(model, cine, [prompt.structure])[prompt.structure]
    return _carried(model, cine, prompt, frame)


def segment_structures(
    model: LoadedModel, cine: Cine, names: Iterable[str], *, steady: bool = False
) -> dict[str, Segmentation]:
    """Several structures by name, each frame encoded once; results by structure identifier.

    Each frame is looked at by itself; where two structures asked for together are found, the surer one stays, so that
    they do not overlap (but in a small hole that is filled). With ``steady`` the median over `STEADY_S` before and
    after is taken in every pixel (of the logits, and of the confidence): a frame that alone goes wrong is outvoted,
    while a border that moves one way stays where it was.
    """
    wanted = list(names)
    geometry = model.card.preprocessing.cine_geometry(cine)
    logits: dict[str, list[Tensor]] = {name: [] for name in wanted}
    confidence: dict[str, list[Tensor]] = {name: [] for name in wanted}
    for start in range(0, cine.frame_count, FRAMES_PER_BATCH):
        features = _encode(model, geometry, cine.frames[start : start + FRAMES_PER_BATCH])
        for name in wanted:
            prompts = [Prompt(structure=name)] * features.embedding.shape[0]
            found, sure = _decode(model, geometry, features, prompts)
            logits[name].append(found)
            confidence[name].append(sure)
    half = _steady_frames(cine) if steady else 0
    apart = _apart({name: _over_time(parts, half) for name, parts in logits.items()})
    return {
        name: Segmentation(
            _masks(geometry, apart[name], [Prompt(structure=name)] * cine.frame_count),
            _over_time(confidence[name], half).numpy(),
        )
        for name in wanted
    }


def _apart(logits: dict[str, Tensor]) -> dict[str, Tensor]:
    """Logits lowered by the best of the others where those are surer: at most one is above 0 anywhere."""
    import torch

    if len(logits) < 2:
        return logits
    lowered = {}
    for name, own in logits.items():
        best = torch.stack([other for key, other in logits.items() if key != name]).amax(dim=0)
        lowered[name] = torch.minimum(own, own - best)
    return lowered


def _steady_frames(cine: Cine) -> int:
    rate = cine.times.frame_rate
    return 2 if rate is None else max(1, round(STEADY_S * rate))


def _over_time(parts: list[Tensor], half: int) -> Tensor:
    """The parts of a cine joined along time, each value replaced by the median of ``half`` frames on either side."""
    import torch

    whole = torch.cat(parts)
    if half == 0:
        return whole
    frames = torch.arange(whole.shape[0])
    window = frames[:, None] + torch.arange(-half, half + 1)
    return whole[window.clamp(0, whole.shape[0] - 1)].median(dim=1).values


def segment_frame(
    model: LoadedModel, cine: Cine, frame: int, prompts: list[Prompt], *, zero_prompts: bool = False
) -> Segmentation:
    """Several prompts on one frame: ``masks bool [N, H, W]`` and ``confidence [N]``, one for each prompt.

    ``zero_prompts`` blanks the prompts inside the network: a test of whether prompts decide. Raises `PromptError` as
    `segment_cine` does.
    """
    _check(cine, frame, prompts)
    if not prompts:
        return Segmentation(np.zeros((0, cine.rows, cine.columns), bool), np.zeros(0, np.float32))
    geometry = model.card.preprocessing.cine_geometry(cine)
    features = _encode(model, geometry, cine.frames[frame : frame + 1])
    logits, confidence = _decode(model, geometry, features, prompts, zero_prompts=zero_prompts)
    return Segmentation(_masks(geometry, logits, prompts), confidence.numpy())


def _check(cine: Cine, frame: int, prompts: Iterable[Prompt]) -> None:
    if not 0 <= frame < cine.frame_count:
        raise PromptError(f"The prompted frame must be 0 to {cine.frame_count - 1}", value=frame, file=cine.path)
    for prompt in prompts:
        prompt.check(cine.rows, cine.columns)


def _carried(model: LoadedModel, cine: Cine, prompt: Prompt, frame: int) -> Segmentation:
    geometry = model.card.preprocessing.cine_geometry(cine)
    masks = np.zeros(cine.frames.shape, bool)
    confidence = np.zeros(cine.frame_count, np.float32)

    def look(index: int, ask: Prompt) -> None:
        features = _encode(model, geometry, cine.frames[index : index + 1])
        logits, sure = _decode(model, geometry, features, [ask])
        masks[index], confidence[index] = _masks(geometry, logits, [ask])[0], float(sure[0])

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
) -> tuple[Tensor, Tensor]:
    """Logits ``[N, S/2, S/2]`` and predicted Dice ``[N]``: one prompt for each encoded frame, or many for one frame."""
    import torch

    from .models.prompting import prompt_batch

    frames = features.embedding.shape[0]
    index = torch.arange(len(prompts)) if frames == len(prompts) else torch.zeros(len(prompts), dtype=torch.long)
    batch = prompt_batch(prompts, geometry, model.card.structures, model.model)
    with torch.inference_mode():
        logits, dice = model.model.decode(
            features, index.to(model.device), batch.to(model.device), zero_prompts=zero_prompts
        )
    return logits.float().cpu(), dice.float().cpu()


def _masks(geometry: FrameGeometry, logits: Tensor, prompts: list[Prompt]) -> BoolMask:
    """Full-frame masks ``[N, H, W]`` of model logits, reduced to their main pieces."""
    rows, columns = geometry.sector.mask.shape
    masks = np.zeros((len(prompts), rows, columns), bool)
    for start in range(0, len(prompts), FRAMES_PER_BATCH):
        # Full-size logits of a long cine at once would take gigabytes.
        restored = geometry.restore_logits(logits[start : start + FRAMES_PER_BATCH])
        for row, one in enumerate(restored, start):
            # A model may know structures that the engine has no words for.
            masks[row] = main_pieces(one > 0, _least_piece(prompts[row].structure))
    return masks


def _least_piece(name: str | None) -> float:
    """A named cavity is one piece; a wall, or what was only pointed at, may rightly show several."""
    known = None if name is None else structures().get(name)
    return 1.0 if known is not None and not known.wall else WALL_PIECE


def main_pieces(mask: BoolMask, least: float = 1.0) -> BoolMask:
    """The largest connected piece of ``mask [H, W]`` and those of at least ``least`` of its size, small holes filled.

    A hole of over a twentieth of the piece (our choice) is anatomy: the cavity inside a ring of myocardium.
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
