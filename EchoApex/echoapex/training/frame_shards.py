"""Training frames from simulated hearts: pictures with exact labels, drawn once and kept as shards on disk.

A shard is an ``.npz`` with ``images uint8 [N, S, S]`` (sector filling the square), ``labels uint8 [N, S, S]`` of
`Tissue`, ``views [N]`` (names) and ``landmarks float32 [N, 4, 2]`` (x, y in pixels, in the order of `WALL_LANDMARKS`;
NaN in views that have none).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ..errors import EchoApexError
from ..io.npz_reading import npz_forms, read_npz
from ..io.safe_files import written_beside
from ..landmarks import WALL_LANDMARKS
from ..models.model_card import OTHER
from ..simulation.heart import Tissue
from ..simulation.presets import TEST_SEEDS, draw_case, draw_placement
from ..simulation.ultrasound_imaging import Canvas, Imager
from ..simulation.vendor_looks import TRAINING

PHASES_PER_CASE = 3

_DAMAGED = "Training frames cannot be read; delete this file, and they are drawn again"

Row = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Frames:
    """Frames in memory; arrays as in a shard."""

    images: np.ndarray
    labels: np.ndarray
    views: np.ndarray
    landmarks: np.ndarray

    def __len__(self) -> int:
        return int(self.images.shape[0])


def refuse_test_seeds(seeds: Iterable[int]) -> None:
    """Raises `EchoApexError` when a seed belongs to the test set."""
    if isinstance(seeds, range) and seeds.step == 1:
        # A recipe may ask for more seeds than can be gone through.
        seeds = range(max(seeds.start, TEST_SEEDS.start), min(seeds.stop, TEST_SEEDS.stop))
    for seed in seeds:
        if seed in TEST_SEEDS:
            raise EchoApexError(f"Seeds {TEST_SEEDS.start} to {TEST_SEEDS.stop - 1} are kept for tests", value=seed)


def draw_frames(
    preset: str,
    seeds: Iterable[int],
    size: int,
    shares: Mapping[str, float],
    views_per_heart: int = 1,
    *,
    masks: bool = True,
) -> Frames:
    """`PHASES_PER_CASE` frames (ED, ES and one between) of each seed's heart, in so many views drawn by their shares.

    The first view of a heart is the one that it has where one is asked for; no view comes twice. Without ``masks``,
    which take half of the time, all labels are 0.
    """
    rows = (
        row
        for seed in _allowed(seeds)
        for view, rng in _drawn_views(seed, shares, views_per_heart)
        for row in _heart_frames(preset, seed, size, view, rng, masks=masks)
    )
    return _stack(rows)


def draw_others(preset: str, seeds: Iterable[int], size: int) -> Frames:
    """`PHASES_PER_CASE` frames without a heart for each seed, seen by the machines of ``preset``."""
    return _stack(row for seed in _allowed(seeds) for row in _other_frames(preset, seed, size))


def _allowed(seeds: Iterable[int]) -> list[int]:
    chosen = list(seeds)
    refuse_test_seeds(chosen)
    return chosen


def _stack(rows: Iterable[Row]) -> Frames:
    return Frames(*(np.stack(column) for column in zip(*rows, strict=True)))


def _other_frames(preset: str, seed: int, size: int) -> list[Row]:
    from ..simulation.no_heart_clips import draw_other

    clip = draw_other(seed, draw_case(preset, seed).look, size, size, PHASES_PER_CASE)
    nowhere = np.full((len(WALL_LANDMARKS), 2), np.nan, np.float32)
    return [(picture, np.zeros_like(picture), np.asarray(OTHER), nowhere) for picture in clip.frames]


def _drawn_views(seed: int, shares: Mapping[str, float], count: int) -> Iterator[tuple[str, np.random.Generator]]:
    """``count`` views by their shares, none twice, each with what its moments are drawn by."""
    left = dict(shares)
    for place in range(count):
        rng = np.random.default_rng([seed, 3, place] if place else [seed, 3])
        weights = np.array(list(left.values()))
        view = str(rng.choice(list(left), p=weights / weights.sum()))
        del left[view]
        yield view, rng


def _heart_frames(preset: str, seed: int, size: int, view: str, rng: np.random.Generator, *, masks: bool) -> list[Row]:
    case = draw_case(preset, seed)
    placement, conditions = draw_placement(case, view)
    heart = case.heart(view)
    imager = Imager(heart, placement, case.look, conditions, seed=seed, sampling=TRAINING)
    canvas = Canvas.around(size, size, case.look, conditions)
    rows = []
    for phase in (0.0, heart.curve.es_phase, float(rng.uniform(0.05, 0.95))):
        imager.forget()
        landmarks = np.full((len(WALL_LANDMARKS), 2), np.nan)
        if view == "PLAX":
            landmarks = canvas.to_pixels(imager.wall_landmarks(phase))
        picture = imager.picture(phase, canvas)
        labels = imager.labels(phase, canvas) if masks else np.zeros_like(picture)
        rows.append((picture, labels, np.asarray(view), landmarks.astype(np.float32)))
    return rows


def write_shard(path: Path, frames: Frames) -> None:
    """Writes frames as one shard; a shard half written is never left under its name."""
    try:
        with written_beside(path) as draft:
            np.savez_compressed(draft, **vars(frames))
    except OSError as error:
        raise EchoApexError("Training frames cannot be written", value=error.strerror, file=path) from None


def check_shard(path: Path, count: int, size: int) -> None:
    """Raises `EchoApexError` where ``path`` is no whole shard of ``count`` frames of ``size`` pixels a side.

    The arrays themselves are not read: that is for `read_shards`.
    """
    marks = len(WALL_LANDMARKS)
    expected = {
        "images": ((count, size, size), "u1"),
        "labels": ((count, size, size), "u1"),
        "views": ((count,), "U"),
        "landmarks": ((count, marks, 2), "f4"),
    }
    found = npz_forms(path, _DAMAGED)
    for name, (shape, kind) in expected.items():
        if name not in found:
            raise EchoApexError(_DAMAGED, value=f"no array {name}", file=path)
        held, dtype = found[name]
        if held != shape or (dtype.kind if kind == "U" else dtype.str[1:]) != kind:
            raise EchoApexError(_DAMAGED, value=f"{name} are {dtype} {held} in place of {shape}", file=path)


def read_shards(paths: Iterable[Path]) -> Frames:
    """All frames of the given shards. Raises `EchoApexError` for one that cannot be read, or holds other things."""
    names = [item.name for item in fields(Frames)]
    parts = []
    for path in paths:
        arrays = read_npz(path, names, _DAMAGED)
        _check_content(arrays, path)
        parts.append([arrays[name] for name in names])
    if not parts:
        raise EchoApexError("There are no training frames to read")
    return Frames(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _check_content(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    unknown = sorted(set(np.unique(arrays["labels"]).tolist()) - {int(tissue) for tissue in Tissue})
    if unknown:
        raise EchoApexError(_DAMAGED, value=f"labels that are no tissue: {unknown[:5]}", file=path)
    beyond = np.isinf(arrays["landmarks"]).any()
    if beyond:
        raise EchoApexError(_DAMAGED, value="landmarks that are nowhere", file=path)
