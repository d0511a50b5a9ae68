"""Features of encoded frames kept on disk, so that a cine that is opened again need not be encoded again.

Each frame is a file of its own, in a folder named by a digest of the pixels, the model and what lies between them; no
name of a patient, file or study is in it, and only this user may read it. Nothing here stops the work: what cannot be
kept or read, or is not what this model would have made, is encoded.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import stat
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cine import Cine
from ..errors import EchoApexError
from ..io.private_files import (
    check_private,
    check_unlinked,
    make_private_folder,
    make_unlinked_folder,
    read_private,
    write_private,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.image_encoder import Features
    from ..models.model_loading import LoadedModel

CACHE_VARIABLE = "ECHOAPEX_CACHE"
"""Environment variable that names the folder of the cache."""

MOST_BYTES = 2 * 2**30
"""What is kept at most (our choice): some 3600 frames at a model input of 160 x 160 pixels."""

SIZE_VARIABLE = "ECHOAPEX_CACHE_SIZE"
"""Environment variable for another limit, in GiB."""

LEAST_GIB, MOST_GIB = 0.1, 1000.0
"""Limits of that limit (our choice)."""

_FORMAT = 1
_HEADER_BYTES = 65536
"""What a file may have beside its numbers; safetensors writes some hundred bytes."""

_SUFFIX = ".safetensors"


def cache_folder() -> Path:
    """Where features are kept: ``ECHOAPEX_CACHE``, or the place this system has for an application's cache."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "EchoApex" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "EchoApex"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "EchoApex"


def most_bytes_chosen() -> int:
    """What is kept at most: by ``ECHOAPEX_CACHE_SIZE``, else `MOST_BYTES`. Raises `EchoApexError` for no such size."""
    chosen = os.environ.get(SIZE_VARIABLE)
    if not chosen:
        return MOST_BYTES
    try:
        gib = float(chosen)
    except ValueError:
        gib = math.nan
    check_cache_size(gib, chosen)
    return int(gib * 2**30)


def check_cache_size(gib: float, found: object = None) -> None:
    """Raises `EchoApexError` for a size of the cache in GiB that cannot be; ``found`` is how it was given."""
    if not LEAST_GIB <= gib <= MOST_GIB:
        rule = f"The size of the cache must be {LEAST_GIB:g} to {MOST_GIB:g} GiB"
        raise EchoApexError(rule, value=gib if found is None else found)


class FeatureCache:
    """The features on disk; at most ``most_bytes``, those not used for longest are removed first.

    The limit is that of `most_bytes_chosen` where none is given.

    ``problem`` says why nothing is kept any more (a full disk, a folder that may not be written, that is a link or of
    another user), "" while all is well.
    """

    def __init__(self, folder: str | Path | None = None, *, most_bytes: int | None = None) -> None:
        self.folder = cache_folder() if folder is None else Path(folder)
        self.problem = ""
        self._most = most_bytes_chosen() if most_bytes is None else most_bytes
        self._size: int | None = None

    def of(self, model: LoadedModel, cine: Cine) -> CineFeatures:
        """The part of the cache that holds this cine as this model sees it."""
        return CineFeatures(self, self.folder / _key(model, cine), model.model.encoder.shapes(1))

    @property
    def size_bytes(self) -> int:
        """What is kept now."""
        if self._size is None:
            self._size = sum(size for _, size, _ in self._files())
        return self._size

    def clear(self) -> None:
        """Removes everything that is kept; a file that cannot be removed is said in ``problem``."""
        for file, _, _ in self._files():
            self._remove(file)
        for part in self.folder.glob("*"):
            # Only what is empty now, or was left over by a write that was killed.
            if _is_key(part.name) and part.is_dir() and not part.is_symlink():
                shutil.rmtree(part, ignore_errors=True)
        self._size = None

    def _files(self) -> list[tuple[Path, int, float]]:
        found = []
        for file in self.folder.glob(f"*/*{_SUFFIX}"):
            try:
                known = file.lstat()
            except OSError:
                continue  # Another process has removed it.
            if _is_key(file.parent.name) and not file.parent.is_symlink() and stat.S_ISREG(known.st_mode):
                found.append((file, known.st_size, known.st_mtime))
        return found

    def _keep(self, file: Path, data: bytes) -> None:
        if self.problem or len(data) > self._most:
            return
        try:
            make_unlinked_folder(self.folder)
            self._make_room(len(data))
            make_private_folder(file.parent)
            write_private(file, data)
        except OSError as error:
            self.problem = f"Encoded frames are no longer kept in {self.folder}: {error.strerror or error}"
            return
        self._size = self.size_bytes + len(data)

    def _make_room(self, needed: int) -> None:
        if self.size_bytes + needed <= self._most:
            return
        files = sorted(self._files(), key=lambda item: item[2])
        held = sum(size for _, size, _ in files)
        for file, size, _ in files:
            if held + needed <= self._most:
                break
            self._remove(file)
            held -= size
        self._size = held

    def _remove(self, file: Path) -> None:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            self.problem = f"An encoded frame cannot be removed from {self.folder}: {error.strerror or error}"


@dataclass(frozen=True)
class CineFeatures:
    """The features of one cine on disk; see `FeatureCache`."""

    cache: FeatureCache
    folder: Path
    shapes: tuple[tuple[int, ...], ...]

    def read(self, frame: int) -> Features | None:
        """The features of a frame on the CPU, as they were kept; None where there are none that can be read.

        None, too, where they are not what the model makes: of other names, shapes or types, or not finite.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        from ..models.image_encoder import Features

        file = self._file(frame)
        try:
            check_unlinked(self.cache.folder)
            check_private(self.folder)
            tensors = load(read_private(file, self._most_bytes))
            os.utime(file)
        except (OSError, SafetensorError, KeyError, ValueError):
            return None
        if not self._fits(tensors):
            return None
        embedding, cls, *fine = (tensors[name] for name in self._names)
        return Features(embedding, cls, tuple(fine))

    @property
    def _names(self) -> tuple[str, ...]:
        return "embedding", "cls", *(f"fine{level}" for level in range(len(self.shapes) - 2))

    @property
    def _most_bytes(self) -> int:
        return 4 * sum(map(math.prod, self.shapes)) + _HEADER_BYTES

    def _fits(self, tensors: Mapping[str, Tensor]) -> bool:
        import torch

        expected = dict(zip(self._names, self.shapes, strict=True))
        if {name: tuple(value.shape) for name, value in tensors.items()} != expected:
            return False
        kinds = {value.dtype for value in tensors.values()}
        return kinds in ({torch.float16}, {torch.float32}) and all(bool(v.isfinite().all()) for v in tensors.values())

    def keep(self, frame: int, features: Features) -> None:
        """Keeps the features of a frame; where that is not possible, `FeatureCache.problem` says so."""
        from safetensors.torch import save

        tensors = dict(zip(self._names, (features.embedding, features.cls, *features.fine), strict=True))
        self.cache._keep(self._file(frame), save({name: value.cpu().contiguous() for name, value in tensors.items()}))

    def _file(self, frame: int) -> Path:
        return self.folder / f"{frame:06d}{_SUFFIX}"


def _key(model: LoadedModel, cine: Cine) -> str:
    """A digest of all that the features depend on."""
    y, x = cine.scale.mm_per_px or (1.0, 1.0)
    turned = model.card.preprocessing.cine_geometry(cine).turned
    facts = (_FORMAT, cine.frames.shape, y / x, model.card.weights_sha256, asdict(model.card.preprocessing), turned)
    digest = hashlib.sha256(repr(facts).encode())
    digest.update(np.packbits(cine.sector.mask).tobytes())
    digest.update(np.ascontiguousarray(cine.frames).data)
    return digest.hexdigest()


def _is_key(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")
