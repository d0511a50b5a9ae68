"""What changes of the training are worth: short runs from one model, the same for all but for what is named.

Each variant is a recipe with some settings replaced, run for some steps with several seeds; scored are hearts of the
preset that follow the training seeds, never those kept for tests. Training frames are those of a run folder. A run that
is done is kept in ``--work``, and the command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import cv2
import numpy as np
import torch

from echoapex.io.safe_files import write_atomically
from echoapex.landmarks import WALL_LANDMARKS
from echoapex.models.model_loading import load_model
from echoapex.models.preprocessing import Preprocessing
from echoapex.models.prompt_segmenter import PromptSegmenter
from echoapex.models.view_and_landmark_heads import read_heat_maps
from echoapex.simulation.heart import Tissue
from echoapex.training.frame_shards import Frames, draw_frames, read_shards
from echoapex.training.losses import hard_dice
from echoapex.training.prompt_sampling import Ask, collate
from echoapex.training.recipe import Recipe, read_recipe
from echoapex.training.trainer import Network, Trainer

FIRST_SEED = 500_000
HEARTS = 96
_VIEWS = ("A4C", "A2C", "A3C", "PLAX")
_FRAMES_AT_ONCE = 8
MEAN_OF_WEIGHTS = "mean of weights"


def tight_box(mask: np.ndarray) -> np.ndarray:
    """x0, y0, x1, y1 of a mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1], rows[-1]], np.float32)


@torch.inference_mode()
def scores(network: Network, frames: Frames, recipe: Recipe) -> dict[str, float]:
    """Dice of the LV by name and by its box, of the LA by name, views told right, and landmarks in pixels."""
    network.eval()
    seen = Preprocessing(recipe.image_size)
    lv, la = recipe.structures.index("LV") + 1, recipe.structures.index("LA") + 1
    found: dict[str, list[float]] = {name: [] for name in ("LV name", "LV box", "LA name", "views", "landmarks px")}
    for start in range(0, len(frames), _FRAMES_AT_ONCE):
        rows = range(start, min(start + _FRAMES_AT_ONCE, len(frames)))
        size = (recipe.image_size, recipe.image_size)
        images = [cv2.resize(frames.images[row], size, interpolation=cv2.INTER_AREA) for row in rows]
        labels = [cv2.resize(frames.labels[row], size, interpolation=cv2.INTER_NEAREST) for row in rows]
        gray = torch.from_numpy(np.stack(images))[:, None].float() / 255
        features = network.segmenter.encode((gray - seen.mean) / seen.std)
        asks: dict[str, list[tuple[int, Ask]]] = {"LV name": [], "LV box": [], "LA name": []}
        for row, label in enumerate(labels):
            chamber, atrium = label == Tissue.LV, label == Tissue.LA
            if chamber.sum() >= 30:
                asks["LV name"].append((row, Ask(chamber, text=lv)))
                asks["LV box"].append((row, Ask(chamber, box=tight_box(chamber))))
            if atrium.sum() >= 30:
                asks["LA name"].append((row, Ask(atrium, text=la)))
        for name, some in asks.items():
            found[name] += _dice(network.segmenter, features, some)
        if network.heads.view is not None:
            told = network.heads.view(features.cls).argmax(-1).tolist()
            found["views"] += [recipe.view_classes[k] == frames.views[row] for k, row in zip(told, rows, strict=True)]
        if network.heads.landmarks is not None:
            points = read_heat_maps(network.heads.landmarks(features))[0].numpy()
            truth = frames.landmarks[rows.start : rows.stop] * recipe.image_size / frames.images.shape[1]
            apart = np.linalg.norm(points - truth, axis=-1)
            found["landmarks px"] += apart[np.isfinite(apart)].tolist()
    return {name: round(mean(map(float, values)), 4) for name, values in found.items() if values}


def _dice(segmenter: PromptSegmenter, features: Any, some: list[tuple[int, Ask]]) -> list[float]:
    if not some:
        return []
    prompts, targets = collate([ask for _, ask in some], segmenter)
    logits, _ = segmenter.decode(features, torch.tensor([row for row, _ in some]), prompts)
    dice: list[float] = hard_dice(logits, targets).tolist()
    return dice


def run(recipe: Recipe, frames: Frames, steps: int, folder: Path) -> Network:
    """The averaged network of a run of ``recipe`` for ``steps``."""
    short = replace(recipe, steps=steps, warmup=min(recipe.warmup, steps // 4))
    return Trainer(short, frames, folder, lambda text: print(text, file=sys.stderr, flush=True)).run()


def variants(file: Path) -> dict[str, dict[str, Any]]:
    """Names and settings from a TOML file of tables."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


def mean_of_weights(networks: list[Network], recipe: Recipe) -> Network:
    """A network whose weights are the means of those of ``networks``."""
    made = Network(recipe)
    states = [network.state_dict() for network in networks]
    made.load_state_dict({name: torch.stack([s[name] for s in states]).mean(0) for name in states[0]})
    return made


def table(results: Mapping[str, Mapping[str, float]]) -> str:
    """The results as a table in Markdown."""
    names = sorted({name for row in results.values() for name in row}, key=str)
    lines = ["| run | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    return "\n".join(
        [*lines, *(f"| {run} | " + " | ".join(f"{row[n]:.4f}" for n in names) + " |" for run, row in results.items())]
    )


def main() -> int:
    """0; the table goes to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", type=Path, help="what the variants change")
    parser.add_argument("variants", type=Path, help="TOML: a table of settings for each variant; seeds = [...] in it")
    parser.add_argument("--frames", type=Path, required=True, help="folder with training frames (of a run)")
    parser.add_argument("--work", type=Path, required=True, help="where runs are kept")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--hearts", type=int, default=HEARTS, help=f"scored (default: {HEARTS})")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    base = read_recipe(chosen.recipe)
    frames = read_shards(sorted(chosen.frames.glob("*.npz")))
    hearts = range(FIRST_SEED, FIRST_SEED + chosen.hearts)
    judged = draw_frames(base.preset, hearts, base.frame_size, dict.fromkeys(_VIEWS, 1.0))
    assert judged.landmarks.shape[1] == len(WALL_LANDMARKS)
    start = Network(base)
    if base.start_from:
        start.start_from(load_model(base.start_from, "cpu"), base)
    results = {"before": scores(start, judged, base)}
    print(table(results), flush=True)
    for name, settings in variants(chosen.variants).items():
        seeds = settings.pop("seeds", [base.seed])
        networks = []
        for seed in seeds:
            folder = chosen.work / f"{name.replace(' ', '-')}-{seed}"
            recipe = replace(base, seed=seed, **settings)
            networks.append(run(recipe, frames, chosen.steps, folder))
            results[f"{name}, seed {seed}"] = scores(networks[-1], judged, base)
            write_atomically(chosen.work / "results.json", json.dumps(results, indent=1).encode())
        if len(networks) > 1:
            results[f"{name}, {MEAN_OF_WEIGHTS}"] = scores(mean_of_weights(networks, base), judged, base)
        write_atomically(chosen.work / "results.json", json.dumps(results, indent=1).encode())
        print(table(results), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
