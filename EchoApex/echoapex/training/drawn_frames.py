"""The training frames of a recipe: drawn once into a folder, and found there again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from ..errors import EchoApexError
from ..io.safe_files import try_to_write, write_atomically
from ..io.untrusted_json import read_json
from ..models.model_card import OTHER
from .frame_shards import (
    PHASES_PER_CASE,
    Frames,
    check_shard,
    draw_frames,
    draw_others,
    read_shards,
    refuse_test_seeds,
    write_shard,
)

CASES_PER_SHARD = 50

Say = Callable[[str], None]


class Drawing(Protocol):
    """What frames are drawn from; a `Recipe` is one."""

    @property
    def preset(self) -> str: ...
    @property
    def first_seed(self) -> int: ...
    @property
    def cases(self) -> int: ...
    @property
    def others(self) -> int: ...
    @property
    def frame_size(self) -> int: ...
    @property
    def views(self) -> Mapping[str, float]: ...
    @property
    def views_per_heart(self) -> int: ...
    @property
    def masks(self) -> bool: ...


def prepare_frames(drawing: Drawing, folder: Path, say: Say) -> Frames:
    """The recipe's training frames in memory, drawn into ``folder`` where they are not there yet."""
    return read_shards(draw_shards(drawing, folder, say))


def draw_shards(drawing: Drawing, folder: Path, say: Say) -> list[Path]:
    """Draws the recipe's training frames into ``folder`` where they are not there yet; gives back all its shards.

    A folder keeps the frames of one kind only: what they were drawn from is written beside them, and other frames are
    refused rather than mixed in.
    """
    check_writable(folder, "Training frames cannot be kept here")
    check_origin(_origin(drawing), folder)
    paths = []
    for kind, count in ((drawing.preset, drawing.cases), (OTHER, drawing.others)):
        last = drawing.first_seed + count
        refuse_test_seeds(range(drawing.first_seed, last))
        for start in range(drawing.first_seed, last, CASES_PER_SHARD):
            path = folder / f"{kind}-{start:06d}.npz"
            seeds = range(start, min(start + CASES_PER_SHARD, last))
            if not path.exists():
                say(f"drawing {kind} {start} to {seeds[-1]}")
                write_shard(path, _draw(drawing, kind, seeds))
            each = PHASES_PER_CASE * (1 if kind == OTHER else drawing.views_per_heart)
            check_shard(path, len(seeds) * each, drawing.frame_size)
            paths.append(path)
    return paths


def _draw(drawing: Drawing, kind: str, seeds: range) -> Frames:
    if kind == OTHER:
        return draw_others(drawing.preset, seeds, drawing.frame_size)
    each = drawing.views_per_heart
    return draw_frames(drawing.preset, seeds, drawing.frame_size, drawing.views, each, masks=drawing.masks)


def check_writable(folder: Path, rule: str) -> None:
    """Makes ``folder``; raises `EchoApexError` with the ``rule`` where no file can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try_to_write(folder)
    except OSError as error:
        raise EchoApexError(rule, value=error.strerror, file=folder) from None


def _origin(drawing: Drawing) -> dict[str, Any]:
    """What the frames of ``drawing`` are drawn from. What is not said is as it always was: frames drawn before fit."""
    found: dict[str, Any] = {"preset": drawing.preset, "frame_size": drawing.frame_size, "views": dict(drawing.views)}
    if drawing.views_per_heart > 1:
        found["views_per_heart"] = drawing.views_per_heart
    if not drawing.masks:
        found["masks"] = False
    return found


def check_origin(origin: dict[str, Any], folder: Path) -> None:
    """Notes in ``folder`` what its frames are drawn from; raises `EchoApexError` where it holds others."""
    file = folder / "origin.json"
    if not file.exists():
        try:
            write_atomically(file, json.dumps(origin).encode())
        except OSError as error:
            raise EchoApexError("Training frames cannot be kept here", value=error.strerror, file=file) from None
    elif _read_origin(file) != origin:
        raise EchoApexError("The frames here were drawn by another recipe; give another --run folder", file=file)


def _read_origin(file: Path) -> object:
    """What the frames were drawn from; None where the file is not of ours."""
    try:
        return read_json(file, "The frames here are of an unknown origin", most_bytes=2**20)
    except EchoApexError:
        return None
