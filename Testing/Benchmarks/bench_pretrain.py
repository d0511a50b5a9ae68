"""Pretraining beside lightly's parts: a step of DINOv2 with the same frames, masks, batch and precision.

``python3 run.py bench pretrain [--rounds N] [--batch N] [--json]``. Two modes: compute alone (views and masks are
drawn before), and end to end (from frames; lightly's parts get the same operations by PIL, and masks drawn alike).
Rounds take turns; seconds are processor time of one thread, ratios are of the same round. Like for like no paths are
dropped by either; as lightly ships, timm's dropped paths compute everything, ours a part of the batch, both at 0.3
(timm's rate grows to it with depth). Attention is what each chooses: ours the plain one on a processor.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import median

import cv2
import numpy as np
import torch
from figures import Figure, Goal, ratio
from numpy.typing import NDArray
from pretrain_on_cuda import cuda_figures
from pretrain_peers import LightlyDinov2
from pretrain_views import multi_crop_by_pil
from side_by_side import take_turns

from echoapex import resources
from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.vendor_looks import TRAINING
from echoapex.training.frame_source import SectorFrame
from echoapex.training.methods.crop_method import Views
from echoapex.training.methods.dino.views import multi_crop
from echoapex.training.methods.dinov2.method import Dinov2
from echoapex.training.methods.dinov2.recipe import Dinov2Recipe
from echoapex.training.methods.registry import read_pretraining_recipe
from echoapex.training.pretraining import PretrainingLearner

SEED = 900_960
LIKE_FOR_LIKE, AS_SHIPPED, VIEWS = Goal(1.0), Goal(1.2), Goal(5.0)
DROPPED = 0.3
_ALIKE = 1e-5
_LIGHTLY, _OURS = "lightly's parts", "ours"

Frames = Sequence[NDArray[np.uint8]]


class Loop:
    """Frames of simulated hearts as a source, over and over."""

    name, simulated = "simulated hearts", True

    def __init__(self, images: Frames) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def order(self, number: int, seed: int) -> NDArray[np.int64]:
        return np.random.default_rng([seed, number]).permutation(len(self))

    def item(self, place: int) -> SectorFrame:
        return SectorFrame(self.images[place], f"heart {place}")

    def labelled(self) -> tuple[list[SectorFrame], list[SectorFrame]]:
        return [], []


def simulated_frames(size: int) -> Frames:
    """Sixteen frames of two views, ``uint8 [size, size]``."""
    clips = [
        simulate_clip(draw_case("hard", SEED), view, beats=60.0, max_frames=8, sampling=TRAINING)
        for view in ("A4C", "PLAX")
    ]
    frames = [frame for clip in clips for frame in clip.frames]
    return [cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA) for frame in frames]


class Sides:
    """Ours and lightly's at the same rate of dropped paths, begun with the same weights."""

    def __init__(self, recipe: Dinov2Recipe, source: Loop, rate: float) -> None:
        self.recipe, self.source = replace(recipe, drop_path=rate), source
        self.ours = PretrainingLearner(self.recipe, source, torch.device("cpu"), _silent)
        assert isinstance(self.ours.method, Dinov2)
        self.method = self.ours.method
        self.peer = LightlyDinov2(self.recipe, rate)
        self.peer.take_weights(self.method)
        self.number = 0

    @torch.no_grad()
    def difference(self, views: Views) -> float:
        """How far the losses of both are apart, as a share, of the same weights and views, without dropped paths."""
        self.method.student.eval(), self.peer.student.eval()
        ours, theirs = self.method.losses(views, 0), self.peer.terms(self.method, views)
        self.method.train(), self.peer.student.train()
        told = {name: (float(ours[name]), float(theirs[name])) for name in ("dino", "patches", "koleo")}
        _say("losses of the same weights: " + ", ".join(f"{name} {a:.6f} and {b:.6f}" for name, (a, b) in told.items()))
        return max(abs(a - b) / abs(b) for a, b in told.values())

    def compute(self, views: Views) -> dict[str, Callable[[], object]]:
        """A step of each from the same views."""

        def ours() -> None:
            self.method.set_pace(self.ours.optimizer, 1)
            self.ours._backward(views, 1)
            self.method.clip_gradients()
            self.ours.optimizer.step()
            self.method.after_step(1)
            self.ours.optimizer.zero_grad(set_to_none=True)

        momentum = self.method.momentum(1)
        return {_LIGHTLY: lambda: self.peer.step(self.method, views, momentum), _OURS: ours}

    def end_to_end(self) -> dict[str, Callable[[], object]]:
        """A step of each from frames, drawing included and nothing drawn ahead."""
        steps = iter(range(10**6))

        def ours() -> None:
            step = next(steps)
            self.compute(self.ours._drawn(step))[_OURS]()

        momentum = self.method.momentum(1)
        return {_LIGHTLY: lambda: self.peer.step(self.method, self.views_by_pil(), momentum), _OURS: ours}

    def views_by_pil(self) -> Views:
        """A batch by PIL."""
        self.number += 1
        rng = np.random.default_rng([SEED, self.number])
        frames = [
            self.source.item(int(place)).image for place in rng.integers(len(self.source), size=self.recipe.batch)
        ]
        drawn = [multi_crop_by_pil(frame, self.recipe, rng) for frame in frames]
        return self.method.collate(drawn, self.number)


def step_figures(recipe: Dinov2Recipe, source: Loop, rounds: int) -> Iterator[tuple[str, Figure]]:
    for name, rate, goal in (("like_for_like", 0.0, LIKE_FOR_LIKE), ("as_lightly_ships", DROPPED, AS_SHIPPED)):
        sides = Sides(recipe, source, rate)
        views = sides.ours._drawn(0)
        apart = sides.difference(views)
        if apart > _ALIKE:
            raise SystemExit(
                f"the losses of both sides differ by {apart:.1e} of their size: they do not compute the same"
            )
        for mode, variants in (("compute", sides.compute(views)), ("end_to_end", sides.end_to_end())):
            _say(f"{mode}, {name}")
            seconds = take_turns(variants, rounds)
            how = f"{median(seconds[_OURS]):.2f} s beside {median(seconds[_LIGHTLY]):.2f} s a step"
            yield f"{mode}_{name}", ratio(seconds[_LIGHTLY], seconds[_OURS], goal, how)
        sides.ours.close()


def view_figures(recipe: Dinov2Recipe, frames: Frames, rounds: int) -> Iterator[tuple[str, Figure]]:
    """Of the recipe at hand, and of frames and views of the sizes that accelerators get."""
    published = replace(recipe, global_size=224, local_size=96, local_count=8)
    larger = [cv2.resize(frame, (480, 480), interpolation=cv2.INTER_CUBIC) for frame in frames]
    for name, one, images in (("views_of_the_recipe", recipe, frames), ("views_as_published", published, larger)):
        _say(name)
        seconds = take_turns(
            {"PIL": _drawing(multi_crop_by_pil, one, images), _OURS: _drawing(multi_crop, one, images)}, 5 * rounds
        )
        how = f"{1000 * median(seconds[_OURS]) / len(images):.2f} ms a frame of {images[0].shape[0]} px"
        yield name, ratio(seconds["PIL"], seconds[_OURS], VIEWS, how)


def _drawing(draw: Callable[..., object], recipe: Dinov2Recipe, images: Frames) -> Callable[[], object]:
    return lambda: [draw(image, recipe, np.random.default_rng(number)) for number, image in enumerate(images)]


def measure(rounds: int, batch: int, cuda_batch: int) -> dict[str, Figure]:
    """All figures."""
    recipe = read_pretraining_recipe(resources.path("Recipes/pretrain-cpu-dinov2.toml"))
    assert isinstance(recipe, Dinov2Recipe)
    # lightly has no Sinkhorn-Knopp, and its center begins to move with the first step as ours does.
    recipe = replace(recipe, batch=batch, centering="mean", epoch_steps=10)
    frames = simulated_frames(recipe.frame_size)
    source = Loop(frames)
    figures = dict(step_figures(recipe, source, rounds)) | dict(view_figures(recipe, frames, rounds))
    return figures | cuda_figures(source, cuda_batch)


def main() -> int:
    """Prints the figures, as JSON if wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8, help="frames of a step on the processor (default: 8)")
    parser.add_argument("--cuda-batch", type=int, default=256, help="frames of a step on an NVIDIA device")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    figures = measure(max(1, chosen.rounds), chosen.batch, chosen.cuda_batch)
    if chosen.json:
        print(json.dumps({"load_average": load, **{name: one.plain() for name, one in figures.items()}}, indent=2))
        return 0
    if load is not None:
        print(f"{load:.1f} other processes ran on {os.cpu_count()} processors when it began")
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    return 0


def _silent(text: str) -> None:
    """Nothing is said."""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
