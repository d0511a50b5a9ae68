"""What an archive holds beside the views through the chest, as frames for pretraining: never with the name of a view.

Pictures by probes in esophagus and heart, boxes of color flow, Doppler and M-mode displays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..io.color_to_gray import luminance
from ..landmarks import WALL_LANDMARKS
from ..simulation.case import Case
from ..simulation.color_flow import color_frames, draw_box
from ..simulation.inside_probes import InsideModality, draw_inside
from ..simulation.no_heart_clips import OtherKind, draw_other
from ..simulation.presets import draw_case, draw_placement
from ..simulation.simulated_clip import SimulatedClip
from ..simulation.ultrasound_imaging import Canvas, Imager
from ..simulation.vendor_looks import TRAINING
from ..simulation.view_planes import VIEWS
from .drawn_frames import CASES_PER_SHARD, Say
from .frame_shards import PHASES_PER_CASE, Frames, check_shard, read_shards, refuse_test_seeds, write_shard

Pictures = NDArray[np.uint8]

SHARES = {"TEE": 0.3, "ICE": 0.2, "color": 0.3, "M": 0.1, "spectral": 0.1}
"""How often each kind is drawn, by the words that shards have for modalities and modes (our choice)."""


def draw_distractor(
    preset: str, seed: int, size: int, draw: int = 0, shares: Mapping[str, float] = SHARES
) -> tuple[str, Pictures]:
    """The kind and `PHASES_PER_CASE` frames ``uint8 [T, S, S]`` of the ``draw``-th distractor of a seed."""
    rng = np.random.default_rng([seed, 13, draw])
    kind = str(rng.choice(list(shares), p=list(shares.values())))
    return kind, _KINDS[kind](draw_case(preset, seed), size, rng)


def _inside(modality: InsideModality) -> Callable[[Case, int, np.random.Generator], Pictures]:
    def draw(case: Case, size: int, rng: np.random.Generator) -> Pictures:
        phases = [float(phase) for phase in rng.uniform(0, 1, PHASES_PER_CASE)]
        return draw_inside(case, modality, size, phases, int(rng.integers(2**31))).frames

    return draw


def _trace(kind: OtherKind) -> Callable[[Case, int, np.random.Generator], Pictures]:
    def draw(case: Case, size: int, rng: np.random.Generator) -> Pictures:
        return draw_other(int(rng.integers(2**31)), case.look, size, size, PHASES_PER_CASE, kind).frames

    return draw


def _colored(case: Case, size: int, rng: np.random.Generator) -> Pictures:
    """A heart in any view with a box of color flow, in gray as readers make it of color."""
    view = str(rng.choice(list(VIEWS)))
    return color_box_frames(case, view, size, rng)


def color_box_frames(case: Case, view: str, size: int, rng: np.random.Generator) -> Pictures:
    """`PHASES_PER_CASE` frames of ``view`` with a box of color flow, in gray as readers make it of color."""
    placement, conditions = draw_placement(case, view)
    imager = Imager(case.heart(view), placement, case.look, conditions, seed=case.seed, sampling=TRAINING)
    canvas = Canvas.around(size, size, case.look, conditions)
    phases, pictures = rng.uniform(0, 1, PHASES_PER_CASE), []
    for phase in phases:
        imager.forget()
        pictures.append(imager.picture(float(phase), canvas))
    clip = SimulatedClip(case, view, np.stack(pictures), phases, 0.03, canvas, placement, imager)
    return luminance(color_frames(clip, draw_box(clip, rng)))


_KINDS: dict[str, Callable[[Case, int, np.random.Generator], Pictures]] = {
    "TEE": _inside(InsideModality.TEE),
    "ICE": _inside(InsideModality.ICE),
    "color": _colored,
    "M": _trace(OtherKind.M_MODE),
    "spectral": _trace(OtherKind.SPECTRAL),
}


def prepare_distractors(preset: str, hearts: range, count: int, size: int, folder: Path, say: Say) -> Frames:
    """``count`` distractors of the ``hearts`` in turn, drawn into ``folder`` where they are not there yet.

    The ``views`` of these frames are their kinds.
    """
    return read_shards(draw_distractor_shards(preset, hearts, count, size, folder, say, SHARES))


def draw_distractor_shards(
    preset: str, hearts: range, count: int, size: int, folder: Path, say: Say, shares: Mapping[str, float]
) -> list[Path]:
    """As `prepare_distractors`, with kinds by their ``shares``; gives back the shards."""
    refuse_test_seeds(hearts)
    name = "distractors" if shares == SHARES else "-".join(shares)
    paths = []
    for start in range(0, count, CASES_PER_SHARD):
        path = folder / f"{name}-{hearts.start}-{len(hearts)}-{start:06d}.npz"
        places = range(start, min(start + CASES_PER_SHARD, count))
        if not path.exists():
            say(f"drawing {name} {start} to {places[-1]}")
            write_shard(path, _drawn(preset, hearts, places, size, shares))
        check_shard(path, len(places) * PHASES_PER_CASE, size)
        paths.append(path)
    return paths


def _drawn(preset: str, hearts: range, places: Sequence[int], size: int, shares: Mapping[str, float]) -> Frames:
    drawn = [
        draw_distractor(preset, hearts[place % len(hearts)], size, place // len(hearts), shares) for place in places
    ]
    images = np.concatenate([pictures for _, pictures in drawn])
    nowhere = np.full((len(images), len(WALL_LANDMARKS), 2), np.nan, np.float32)
    kinds = np.repeat([kind for kind, _ in drawn], PHASES_PER_CASE)
    return Frames(images, np.zeros_like(images), kinds, nowhere)


def told_by_kind(kinds: Sequence[str]) -> str:
    """How many frames are of each kind, in words."""
    found = Counter(kinds)
    return ", ".join(f"{kind} {found[kind]:,}" for kind in SHARES if found[kind])
