"""What EchoCLR is worth on simulated studies: hypertrophy and aortic stenosis told from few labels, by AUROC.

An encoder is pretrained by a recipe without labels, then hypertrophy (LV mass over 224 g), any and severe aortic
stenosis are told with 1 % and 10 % of the studies labelled, beside the same encoder with random weights: from frozen
features (ridge regression, the mean over draws of labelled studies; the pixels of 32 x 32 mean frames beside) and by
fine-tuning all of it for each task on one draw. Intervals are 95 % bootstrap intervals over the held-out studies; one
seed. A run that was stopped goes on by the same command. Under an hour of one core.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from echoapex import resources
from echoapex.evaluation.bootstrap_scores import area_under_curve, interval
from echoapex.models.pretrained_backbone import read_backbone
from echoapex.training.clip_source import SectorStudy, StudySource
from echoapex.training.embedding_probe import small_pixels
from echoapex.training.methods.echoclr.method import EchoClr
from echoapex.training.methods.echoclr.recipe import EchoClrRecipe
from echoapex.training.methods.echoclr.views import ORDERS
from echoapex.training.methods.method import Timeline
from echoapex.training.methods.registry import material_of, read_pretraining_recipe
from echoapex.training.simulated_studies import LVH, STENOSIS
from echoapex.training.start_pretraining import pretrain

TASKS = ("LVH", "any aortic stenosis", "severe aortic stenosis")
SHARES = (0.01, 0.10)
DRAWS = 20
_RIDGE, _BATCH, _SMOOTHING, _FEWEST = 10.0, 8, 0.1, 4
_HEAD_RATE, _RATE = 1e-3, 3e-4
"""Learning rates of fine-tuning: of the layer on top, and of the network below it."""

Array = NDArray[np.float64]


def truth(studies: Sequence[SectorStudy]) -> Array:
    """What is to be told of each study, ``[N, 3]`` of 0 and 1, in the order of `TASKS`."""
    rows = [(study.labels[LVH], study.labels[STENOSIS] > 0, study.labels[STENOSIS] == 3) for study in studies]
    return np.array(rows, np.float64)


def labelled(labels: Array, share: float, draw: int) -> NDArray[np.int64]:
    """Which studies have labels: a share of them, drawn until each question has both answers among them."""
    count = max(_FEWEST, math.ceil(share * len(labels)))
    rng = np.random.default_rng([draw, count])
    for _ in range(100_000):
        chosen = rng.permutation(len(labels))[:count]
        sums = labels[chosen].sum(0)
        if (sums > 0).all() and (sums < count).all():
            return chosen
    raise SystemExit("These studies do not hold both answers to each question: take more of them.")


def ridge(known: Array, labels: Array, asked: Array) -> Array:
    """Answers ``[M, 3]`` to all questions about ``asked [M, D]`` by ridge regression on ``known [N, D]``."""
    middle = labels - labels.mean(0)
    weights = known.T @ np.linalg.solve(known @ known.T + _RIDGE * np.eye(len(known)), middle)
    return np.asarray(asked @ weights)


def frozen(features: tuple[Array, Array], labels: Array, share: float) -> Array:
    """Answers of each draw ``[DRAWS, M, 3]`` from ``features`` of all studies to learn from, and of those held out."""
    ours, theirs = features
    mean, deviation = ours.mean(0), ours.std(0) + 1e-6
    ours, theirs = (ours - mean) / deviation, (theirs - mean) / deviation
    picks = [labelled(labels, share, draw) for draw in range(DRAWS)]
    return np.stack([ridge(ours[pick], labels[pick], theirs) for pick in picks])


def fine_tuned(
    recipe: EchoClrRecipe, weights: Mapping[str, Tensor], source: StudySource, share: float, steps: int
) -> Array:
    """Answers ``[1, M, 3]`` of networks that are taught one task each, by so many steps on the labelled studies."""
    labels = truth(source.learned)
    pick = labelled(labels, share, 0)
    told = [taught(loaded(recipe, weights), source, pick, labels[pick, number], steps) for number in range(len(TASKS))]
    return np.stack(told, axis=-1)[None]


def taught(method: EchoClr, source: StudySource, pick: NDArray[np.int64], labels: Array, steps: int) -> Array:
    """Answers ``[M]`` of the whole network after so many steps on the studies of ``pick`` with these ``labels``."""
    torch.manual_seed(0)
    rng, head = np.random.default_rng(0), nn.Linear(method.network.num_features, 1)
    positive = torch.tensor((1 - labels.mean()) / labels.mean(), dtype=torch.float32)
    groups = [{"params": head.parameters(), "most": _HEAD_RATE}, {"params": method.network.parameters(), "most": _RATE}]
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-4)
    method.train()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = group["most"] * 0.5 * (1 + math.cos(math.pi * step / steps))
        chosen = rng.integers(len(pick), size=_BATCH)
        clips = np.concatenate([in_order(method, source.learned[int(pick[one])], rng) for one in chosen])
        wanted = torch.tensor(np.repeat(labels[chosen], 2), dtype=torch.float32) * (1 - _SMOOTHING) + _SMOOTHING / 2
        answers = head(method.network(method.input(clips)))[:, 0]
        loss = functional.binary_cross_entropy_with_logits(answers, wanted, pos_weight=positive)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    method.eval()
    with torch.no_grad():
        return head(torch.from_numpy(features_of(method, source.held_out)).float())[:, 0].double().numpy()


def in_order(method: EchoClr, study: SectorStudy, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Two clips of a study as pretraining draws them, ``uint8 [2, 4, S, S]``, their frames in the order of time."""
    pair = method.draw(study, rng)
    return np.stack([clip[np.argsort(ORDERS[order])] for clip, order in zip(pair.clips, pair.orders, strict=True)])


def features_of(method: EchoClr, studies: Sequence[SectorStudy]) -> Array:
    """Mean features ``[N, D]`` over the clips of each study."""
    rows = [method.embed([clip.frames(range(clip.count)) for clip in study.clips]).mean(0) for study in studies]
    return torch.stack(rows).double().numpy()


def pixels_of(studies: Sequence[SectorStudy]) -> Array:
    """Gray values ``[N, 1024]`` of the mean frame of each study's first clip."""
    frames = [study.clips[0].frames(range(study.clips[0].count)).mean(0).astype(np.uint8) for study in studies]
    return small_pixels(frames).double().numpy()


def mean_auroc(rows: Array) -> float:
    """AUROC of ``[M, DRAWS + 1]``: answers of each draw and, last, the truth; the mean over draws."""
    return float(np.mean([area_under_curve(rows[:, [draw, -1]]) for draw in range(rows.shape[1] - 1)]))


def with_interval(answers: Array, wanted: Array) -> str:
    """The AUROC of answers ``[draws, M]``, with its interval over studies, in words."""
    rows = np.column_stack([answers.T, wanted])
    ends = interval([row[None] for row in rows], mean_auroc)
    return f"{mean_auroc(rows):.2f}" + ("" if ends is None else f" [{ends[0]:.2f} to {ends[1]:.2f}]")


def gain(answers: Array, base: Array, wanted: Array) -> str:
    """By how much the AUROC of ``answers`` is above that of ``base``, the same studies drawn again for both."""
    rows, count = np.column_stack([answers.T, base.T, wanted]), len(answers)

    def difference(some: Array) -> float:
        ours, theirs = some[:, [*range(count), -1]], some[:, [*range(count, 2 * count), -1]]
        return mean_auroc(ours) - mean_auroc(theirs)

    ends = interval([row[None] for row in rows], difference)
    return f"{difference(rows):+.2f}" + ("" if ends is None else f" [{ends[0]:+.2f} to {ends[1]:+.2f}]")


def report(title: str, answers: Mapping[str, Array], wanted: Array) -> None:
    """Prints a line for each task: each of ``answers [draws, M, 3]``, and what pretraining has added to random."""
    for number, task in enumerate(TASKS):
        told = [f"{name} {with_interval(found[..., number], wanted[:, number])}" for name, found in answers.items()]
        added = gain(answers["pretrained"][..., number], answers["random"][..., number], wanted[:, number])
        print(f"  {title}, {task}: {', '.join(told)}; pretrained over random {added}", flush=True)


def encoders(recipe: EchoClrRecipe, exported: Path) -> dict[str, dict[str, Tensor]]:
    """Weights of the pretrained encoder, and random ones of the same kind."""
    torch.manual_seed(recipe.seed)
    blank = EchoClr(recipe, Timeline(1, 1)).network.state_dict()
    return {"random": {name: value.clone() for name, value in blank.items()}, "pretrained": read_backbone(exported)[1]}


def loaded(recipe: EchoClrRecipe, weights: Mapping[str, Tensor]) -> EchoClr:
    """A method with the weights of an encoder."""
    method = EchoClr(recipe, Timeline(1, 1))
    method.start_from(weights)
    return method.eval()


def compare(recipe: EchoClrRecipe, source: StudySource, exported: Path, steps: int) -> None:
    """Prints all tables."""
    labels, wanted = truth(source.learned), truth(source.held_out)
    counts = ", ".join(f"{task} in {share:.0%}" for task, share in zip(TASKS, wanted.mean(0), strict=True))
    print(f"{len(labels)} studies to learn from, {len(wanted)} held out: {counts}")
    weights = encoders(recipe, exported)
    features = {name: _both(loaded(recipe, one), source) for name, one in weights.items()}
    features["pixels"] = pixels_of(source.learned), pixels_of(source.held_out)
    for share in SHARES:
        count = len(labelled(labels, share, 0))
        answers = {name: frozen(both, labels, share) for name, both in features.items()}
        report(f"frozen, {share:.0%} ({count} studies, {DRAWS} draws)", answers, wanted)
    for share in SHARES:
        count = len(labelled(labels, share, 0))
        answers = {name: fine_tuned(recipe, one, source, share, steps) for name, one in weights.items()}
        report(f"fine-tuned, {share:.0%} ({count} studies, {steps} steps)", answers, wanted)


def _both(method: EchoClr, source: StudySource) -> tuple[Array, Array]:
    return features_of(method, source.learned), features_of(method, source.held_out)


def main() -> int:
    """Draws, pretrains and compares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="simulated:hard:600", help="studies (default: simulated:hard:600)")
    parser.add_argument("--recipe", type=Path, default=resources.path("Recipes/pretrain-cpu-echoclr.toml"))
    parser.add_argument("--run", type=Path, default=Path("runs/bench-echoclr"), help="folder of the run")
    parser.add_argument("--steps", type=int, default=100, help="steps of fine-tuning (default: 100)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    recipe, started = read_pretraining_recipe(chosen.recipe), time.process_time()
    assert isinstance(recipe, EchoClrRecipe)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    done = pretrain(chosen.recipe, chosen.data, chosen.run, resume=True, device="cpu", say=say)
    if done.exported is None:
        return 130
    source: Any = material_of(recipe).open(chosen.data, recipe, chosen.run / "frames", say)
    compare(recipe, source, done.exported, chosen.steps)
    print(f"{(time.process_time() - started) / 60:.0f} min of processor time in this start")
    return 0


if __name__ == "__main__":
    sys.exit(main())
