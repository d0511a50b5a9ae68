"""What a frozen encoder makes of frames as training shows them: encoded once, kept beside the run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import EchoApexError
from ...io.npz_reading import read_npz
from ...io.safe_files import written_beside
from ...models.added_view_head import AddedViewHead
from ...models.model_loading import LoadedModel
from ..augmentation import augment
from ..drawn_frames import Say
from ..frame_shards import Frames, read_shards
from .recipe import ViewHeadRecipe

_BATCH = 16
_DAMAGED = "Encoded frames cannot be read; delete this file, and they are made again"


@dataclass(frozen=True)
class Encoded:
    """``numbers float16 [N, W]`` as `AddedViewHead.pooled` gives them, and the ``views [N]``; `PHASES_PER_CASE` frames
    that follow each other are of one clip.
    """

    numbers: NDArray[np.float16]
    views: NDArray[np.str_]


def encode_shards(
    model: LoadedModel, recipe: ViewHeadRecipe, shards: Iterable[Path], folder: Path, say: Say, *, copies: int
) -> Encoded:
    """The frames of ``shards``, each changed in ``copies`` ways as in training, or as it is where that is 0."""
    parts = []
    for place, shard in enumerate(shards):
        file = folder / f"{shard.stem}-{_digest(model, recipe, copies, place)}.npz"
        if not file.exists():
            say(f"encoding {shard.stem}")
            _keep(file, _encode(model, recipe, read_shards([shard]), place, copies))
        parts.append(read_npz(file, ["numbers", "views"], _DAMAGED))
    return Encoded(*(np.concatenate([part[name] for part in parts]) for name in ("numbers", "views")))


def _digest(model: LoadedModel, recipe: ViewHeadRecipe, copies: int, place: int) -> str:
    """Changes with all that the numbers depend on beside the shard."""
    seen = (model.card.weights_sha256, recipe.mirrored, recipe.tone, recipe.seed, copies, place)
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:12]


def _keep(file: Path, encoded: Encoded) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with written_beside(file) as draft:
            np.savez(draft, **asdict(encoded))
    except OSError as error:
        raise EchoApexError("Encoded frames cannot be kept here", value=error.strerror, file=file) from None


def _encode(model: LoadedModel, recipe: ViewHeadRecipe, frames: Frames, place: int, copies: int) -> Encoded:
    """All frames once, then all of them once more: so the frames of a clip stay together."""
    pictures = _pictures(frames, recipe, model.card.architecture.image_size, place, copies)
    rows = [_numbers(model, batch) for batch in _batches(pictures)]
    return Encoded(np.concatenate(rows), np.tile(frames.views, max(1, copies)))


def _pictures(
    frames: Frames, recipe: ViewHeadRecipe, size: int, place: int, copies: int
) -> Iterator[NDArray[np.uint8]]:
    import cv2

    for copy in range(max(1, copies)):
        for index, image in enumerate(frames.images):
            if not copies:
                yield np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
                continue
            rng = np.random.default_rng([recipe.seed, place, copy, index])
            label, points = frames.labels[index], frames.landmarks[index]
            yield augment(image, label, points, size, rng, mirrored=recipe.mirrored, tone=recipe.tone)[0]


def _batches(pictures: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    waiting: list[NDArray[np.uint8]] = []
    for picture in pictures:
        waiting.append(picture)
        if len(waiting) == _BATCH:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)


@torch.inference_mode()
def _numbers(model: LoadedModel, pictures: NDArray[np.uint8]) -> NDArray[np.float16]:
    how = model.card.preprocessing
    gray = torch.from_numpy(pictures)[:, None].float() / 255
    features = model.model.encode(((gray - how.mean) / how.std).to(model.device))
    return np.asarray(AddedViewHead.pooled(features).cpu().numpy().astype(np.float16))
