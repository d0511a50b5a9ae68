"""A cine as the network sees it: each frame encoded once, whatever is then asked about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..cine import Cine
from ..errors import EchoApexError, ModelError
from .feature_cache import FeatureCache

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.image_encoder import Features
    from ..models.model_loading import LoadedModel

FRAMES_PER_BATCH = 8
"""Frames encoded in one call (our choice)."""

CACHE_BYTES = 512 * 2**20
"""Features kept of one cine (our choice): some 900 frames at a model input of 160 x 160 pixels."""


class EncodedCine:
    """A cine whose frames ``model`` encodes when they are first asked for, and which are kept for what is asked next.

    They are kept on the model's device in half precision (single where a value is too large for it), at most
    ``cache_bytes`` of them; beyond that, those not used for longest are dropped, and encoded again when asked for. With
    a ``disk`` they are kept there, too, and looked for there first. Not for several threads at once. Raises
    `ModelError` as `Preprocessing.geometry` does.
    """

    def __init__(
        self, model: LoadedModel, cine: Cine, *, cache_bytes: int = CACHE_BYTES, disk: FeatureCache | None = None
    ) -> None:
        self.model = model
        self.cine = cine
        self.geometry = model.card.preprocessing.cine_geometry(cine)
        self._room = cache_bytes
        self._disk = None if disk is None else disk.of(model, cine)
        # Least recently used first.
        self._kept: dict[int, Features] = {}

    def features(self, frames: Sequence[int]) -> Features:
        """`Features` of these frames in this order, float32 on the model's device.

        What is asked for at once is held at once: a long cine is best asked for by `batches`.
        Raises `EchoApexError` for no frame at all and for one that the cine has not.
        """
        wanted = [int(frame) for frame in frames]
        count = self.cine.frame_count
        if not wanted or not all(0 <= frame < count for frame in wanted):
            raise EchoApexError(f"The frames to encode must be 0 to {count - 1}", value=wanted, file=self.cine.path)
        found = self._find(dict.fromkeys(wanted))
        return _joined([found[frame] for frame in wanted])

    @property
    def kept_frames(self) -> list[int]:
        """The frames that are encoded and kept, in rising order."""
        return sorted(self._kept)

    def next_missing(self, order: Sequence[int]) -> int | None:
        """The first frame of ``order`` that is not kept; None where all are, or no more would find room."""
        sizes = list(map(_size, self._kept.values()))
        if sizes and sum(sizes) + max(sizes) > self._room:
            return None
        return next((frame for frame in order if frame not in self._kept), None)

    def _find(self, frames: dict[int, None]) -> dict[int, Features]:
        """Features of each of ``frames``, from what is kept or from the network; kept as the most recently used."""
        found = {frame: self._kept.pop(frame) for frame in frames if frame in self._kept}
        found.update(self._on_disk([frame for frame in frames if frame not in found]))
        missing = [frame for frame in frames if frame not in found]
        for batch in batches(len(missing)):
            found.update(self._encode(missing[batch.start : batch.stop]))
        self._kept.update(found)
        self._drop()
        return found

    def _on_disk(self, frames: list[int]) -> dict[int, Features]:
        if self._disk is None:
            return {}
        read = {frame: self._disk.read(frame) for frame in frames}
        return {frame: kept.to(device=self.model.device) for frame, kept in read.items() if kept is not None}

    def _encode(self, frames: list[int]) -> dict[int, Features]:
        import torch

        with torch.inference_mode():
            images = self.geometry.prepare(self.cine.frames[frames])
            features = self.model.model.encode(images.to(self.model.device))
            made = {frame: _compact(features.select(slice(row, row + 1))) for row, frame in enumerate(frames)}
        if self._disk is not None:
            for frame, one in made.items():
                self._disk.keep(frame, one)
        return made

    def _drop(self) -> None:
        held = sum(map(_size, self._kept.values()))
        while held > self._room:
            held -= _size(self._kept.pop(next(iter(self._kept))))


def encoded(model: LoadedModel, clip: Cine | EncodedCine) -> EncodedCine:
    """``clip`` itself where it is encoded already; raises `ModelError` when that was by another model."""
    if isinstance(clip, Cine):
        return EncodedCine(model, clip)
    if clip.model is not model:
        rule = f"A cine must be encoded by the model that is asked about it, {model.card.id}"
        raise ModelError(rule, value=clip.model.card.id, file=clip.cine.path)
    return clip


def batches(count: int) -> Iterator[range]:
    """0 to ``count`` - 1 in pieces of `FRAMES_PER_BATCH`: what is full-size in a long cine would take gigabytes."""
    for start in range(0, count, FRAMES_PER_BATCH):
        yield range(start, min(start + FRAMES_PER_BATCH, count))


def _compact(features: Features) -> Features:
    """One frame in half precision, in memory of its own; as it is where half precision cannot hold it."""
    import torch

    from ..models.image_encoder import Features

    half = features.to(dtype=torch.float16)
    if all(bool(value.isfinite().all()) for value in _tensors(half)):
        return half
    # A slice would keep the memory of its whole batch.
    return Features(features.embedding.clone(), features.cls.clone(), tuple(level.clone() for level in features.fine))


def _tensors(features: Features) -> tuple[Tensor, ...]:
    return features.embedding, features.cls, *features.fine


def _size(features: Features) -> int:
    return sum(value.nbytes for value in _tensors(features))


def _joined(parts: Sequence[Features]) -> Features:
    import torch

    from ..models.image_encoder import Features

    columns = [
        # Even of one frame never what is kept itself: that is not the caller's to change.
        (torch.cat(column) if len(column) > 1 else column[0]).to(torch.float32, copy=True)
        for column in zip(*map(_tensors, parts), strict=True)
    ]
    return Features(columns[0], columns[1], tuple(columns[2:]))
