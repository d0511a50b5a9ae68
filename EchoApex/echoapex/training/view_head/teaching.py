"""From a recipe to a view head beside its model: frames, their features, the head, its threshold, its card."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ...console import Parser, harmless_libraries, tell
from ...errors import EchoApexError, ModelError
from ...inference.view_classification import calibrate_threshold
from ...models.added_view_head import AddedViewHead, save_added_views
from ...models.model_card import OTHER, Training, read_card
from ...models.model_loading import LoadedModel, load_model
from ...models.view_head_card import ViewHeadCard
from ...simulation.view_planes import VIEWS
from ..distractor_frames import draw_distractor_shards
from ..drawn_frames import Say, draw_shards
from ..embedding_probe import balanced_accuracy
from ..frame_shards import PHASES_PER_CASE
from ..model_export import LIMITS, LOST, processor
from .frozen_features import Encoded, encode_shards
from .recipe import INSIDE, HeadDrawing, ViewHeadRecipe, drawings, read_view_head_recipe

USAGE = "Teaches a view head on the frozen encoder of a model. What was drawn and encoded is kept for a later start."


def main(arguments: list[str] | None = None) -> int:
    """Runs a recipe and writes the head beside the model in ``--out``."""
    parser = Parser(prog="python -m echoapex.training.view_head", description=USAGE)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--run", type=Path, required=True, help="folder for frames and features")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the model, where the head goes")
    with harmless_libraries():
        return _run(parser.parse_args(arguments))


def _run(options: argparse.Namespace) -> int:
    torch.set_num_threads(1)
    try:
        teach_view_head(read_view_head_recipe(options.recipe), options.run, options.out, tell)
    except EchoApexError as refusal:
        tell(str(refusal))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def teach_view_head(recipe: ViewHeadRecipe, run: Path, out: Path, say: Say) -> ViewHeadCard:
    """Teaches the head and writes it beside the model in ``out``; raises `EchoApexError` where that cannot be."""
    started = time.process_time()
    model = load_model(recipe.model, "cpu")
    if read_card(out).weights_sha256 != model.card.weights_sha256:
        raise ModelError(f"A view head goes beside its model, {model.card.id}, and this is another one", file=out)
    learned, kept = (
        _encoded(model, recipe, drawing, run, copies, say)
        for drawing, copies in zip(drawings(recipe), (recipe.copies, 0), strict=True)
    )
    head = taught_head(recipe, learned, model.model.encoder.embed_dim, say)
    threshold = _threshold(recipe, head, kept, say)
    card = _card(recipe, model, threshold, len(learned.views), (time.process_time() - started) / 3600)
    complete = save_added_views(out, head, card)
    say(f"written: {out}, threshold {complete.view_threshold:.3f}, {complete.training.hours:.2f} processor hours")
    return complete


def _encoded(
    model: LoadedModel, recipe: ViewHeadRecipe, drawing: HeadDrawing, run: Path, copies: int, say: Say
) -> Encoded:
    """Features of hearts, of pictures without one, and of pictures by probes within the body as `OTHER`."""
    frames = run / ("frames" if copies else "calibration")
    shards = draw_shards(drawing, frames, say)
    hearts = range(drawing.first_seed, drawing.first_seed + drawing.cases)
    inside = recipe.inside if copies else recipe.calibration_share(recipe.inside)
    shards += draw_distractor_shards(recipe.preset, hearts, inside, recipe.frame_size, frames, say, INSIDE)
    found = encode_shards(model, recipe, shards, run / "features", say, copies=copies)
    return Encoded(found.numbers, np.where(np.isin(found.views, list(INSIDE)), OTHER, found.views))


def taught_head(recipe: ViewHeadRecipe, learned: Encoded, cls_width: int, say: Say) -> AddedViewHead:
    """A head that has learned the views of ``learned``; the same every time."""
    torch.manual_seed(recipe.seed)
    head = AddedViewHead(cls_width, len(recipe.classes), recipe.hidden, recipe.dropout)
    _standardize(head, learned.numbers)
    numbers, labels = torch.from_numpy(learned.numbers), _labels(recipe, learned)
    optimizer = torch.optim.AdamW(head.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * max(1, len(labels) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps + 1)
    order = np.random.default_rng(recipe.seed)
    told: list[float] = []
    for step in range(1, steps + 1):
        picks = torch.from_numpy(order.integers(len(labels), size=recipe.batch))
        loss = functional.cross_entropy(head(numbers[picks].float()), labels[picks])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        told.append(float(loss.detach()))
        if step % 100 == 0 or step == steps:
            say(f"step {step}/{steps} loss {np.mean(told):.4f}")
            told = []
    return head.eval()


def _standardize(head: AddedViewHead, numbers: NDArray[np.float16]) -> None:
    """Every number has mean 0 and spread 1 over what is learned from."""
    head.mean.copy_(torch.from_numpy(numbers.mean(0, dtype=np.float64)))
    head.scale.copy_(torch.from_numpy(1 / (numbers.std(0, dtype=np.float64) + 1e-3)))


def _labels(recipe: ViewHeadRecipe, encoded: Encoded) -> Tensor:
    return torch.tensor([recipe.classes.index(view) for view in encoded.views])


@dataclass(frozen=True)
class _Clips:
    probabilities: NDArray[np.float64]
    truth: NDArray[np.int64]


@torch.inference_mode()
def _clips(recipe: ViewHeadRecipe, head: AddedViewHead, encoded: Encoded) -> _Clips:
    """Probabilities ``[N, V]`` of clips, whose logits are the mean over their frames."""
    logits = head(torch.from_numpy(encoded.numbers).float()).double()
    clips = logits.reshape(-1, PHASES_PER_CASE, len(recipe.classes)).mean(1)
    return _Clips(clips.softmax(-1).numpy(), _labels(recipe, encoded).numpy()[::PHASES_PER_CASE])


def _threshold(recipe: ViewHeadRecipe, head: AddedViewHead, kept: Encoded, say: Say) -> float:
    """The probability below which a view is unknown, and what is reached on the hearts that it is set on."""
    clips = _clips(recipe, head, kept)
    threshold = calibrate_threshold(clips.probabilities, clips.truth, recipe.classes, LOST)
    other = recipe.classes.index(OTHER)
    told, sure = clips.probabilities.argmax(1), clips.probabilities.max(1) >= threshold
    hearts = clips.truth != other
    right = balanced_accuracy(torch.from_numpy(clips.truth[hearts]), torch.from_numpy(told[hearts]))
    withheld = float(np.mean((told == other) | ~sure, where=~hearts))
    say(f"{int(hearts.sum())} clips kept apart: views {right:.3f} (balanced), of others {withheld:.0%} withheld")
    return threshold


def _card(recipe: ViewHeadRecipe, model: LoadedModel, threshold: float, frames: int, hours: float) -> ViewHeadCard:
    last = recipe.first_seed + recipe.hearts - 1
    data = (
        f"{frames} encoded frames ({recipe.copies} changed copies of each): {recipe.hearts} simulated hearts, preset "
        f"{recipe.preset}, seeds {recipe.first_seed} to {last}, {recipe.views_per_heart} of {len(VIEWS)} views "
        f"each; {recipe.others} pictures without a heart and {recipe.inside} by probes within the body as {OTHER}"
    )
    return ViewHeadCard(
        id=recipe.id,
        name=recipe.name,
        model=model.card.id,
        model_sha256=model.card.weights_sha256,
        views=recipe.classes,
        view_threshold=threshold,
        hidden=recipe.hidden,
        training=Training(
            recipe=f"Recipes/{recipe.id}.toml",
            seed=recipe.seed,
            data=data,
            hardware=f"{processor()}, 1 thread; hours of the processor, without what was drawn and encoded before",
            hours=round(hours, 2),
            frames_seen=recipe.epochs * frames,
        ),
        simulated_only=model.card.simulated_only,
        code_license="Apache-2.0",
        weights_license="Apache-2.0",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        limits=LIMITS,
    )
