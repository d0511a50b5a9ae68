"""Trains the prompt segmenter on simulated frames: mixed prompts, Dice and cross-entropy, its own confidence."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import EchoApexError
from ..models.preprocess import Preprocessing
from ..models.segmenter import PromptBatch, PromptSegmenter, create_segmenter
from .augment import augment
from .frames import Frames, read_shards, refuse_test_seeds, write_shard
from .recipe import Recipe
from .sampling import STRUCTURES, collate, draw_asks

CASES_PER_SHARD = 50

Say = Callable[[str], None]


def prepare_frames(recipe: Recipe, folder: Path, say: Say) -> Frames:
    """The recipe's training frames in memory, drawn into ``folder`` where they are not there yet."""
    return read_shards(draw_shards(recipe, folder, say))


def draw_shards(recipe: Recipe, folder: Path, say: Say) -> list[Path]:
    """Draws the recipe's training frames into ``folder`` where they are not there yet; gives back all its shards."""
    last = recipe.first_seed + recipe.cases
    refuse_test_seeds(range(recipe.first_seed, last))
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for start in range(recipe.first_seed, last, CASES_PER_SHARD):
        path = folder / f"{recipe.preset}-{start:06d}.npz"
        if not path.exists():
            say(f"drawing hearts {start} to {min(start + CASES_PER_SHARD, last) - 1}")
            write_shard(path, recipe.preset, range(start, min(start + CASES_PER_SHARD, last)), recipe.frame_size)
        paths.append(path)
    return paths


def loss_of(logits: Tensor, dice: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss over prompts, and the Dice each mask reached ``[N]``.

    5 x binary cross-entropy + soft Dice (1 smoothing) + squared error of the predicted Dice; the weights are our
    choice. An empty target counts as Dice 1 where the mask is empty.
    """
    probability = logits.sigmoid()
    overlap = (probability * targets).sum((1, 2))
    soft = 1 - (2 * overlap + 1) / (probability.sum((1, 2)) + targets.sum((1, 2)) + 1)
    entropy = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean((1, 2))
    reached = hard_dice(logits, targets)
    empty = targets.sum((1, 2)) == 0
    soft = torch.where(empty, torch.zeros_like(soft), soft)
    return (5 * entropy + soft + (dice - reached) ** 2).mean(), reached


def hard_dice(logits: Tensor, targets: Tensor) -> Tensor:
    """Dice of the thresholded mask with the thresholded target, ``[N]``; 1 where both are empty."""
    with torch.no_grad():
        mask, truth = logits > 0, targets >= 0.5
        total = mask.sum((1, 2)) + truth.sum((1, 2))
        return torch.where(
            total == 0, torch.ones_like(total, dtype=torch.float32), 2 * (mask & truth).sum((1, 2)) / total.clamp(min=1)
        )


@dataclass(frozen=True)
class Team:
    """Processes that train one model together: each takes its share of every batch, gradients are averaged."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes and speaks for all."""
        return self.rank == 0

    def average(self, gradients: list[Tensor]) -> None:
        """Replaces ``gradients`` by their mean over the team."""
        if self.size == 1:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))


class Trainer:
    """One run that survives a kill: `run` continues from the newest checkpoint in ``folder``."""

    def __init__(self, recipe: Recipe, frames: Frames, folder: Path, say: Say, team: Team | None = None) -> None:
        self.recipe, self.frames, self.folder, self.say = recipe, frames, folder, say
        self.preprocessing = Preprocessing(recipe.image_size)
        self.team = team or Team()
        if recipe.batch % self.team.size:
            raise EchoApexError("The batch must divide evenly between the processes", value=recipe.batch)
        torch.manual_seed(recipe.seed)
        self.model = create_segmenter(
            recipe.encoder, recipe.patch, recipe.image_size, len(STRUCTURES), drop_path=recipe.drop_path
        )
        self.average = deepcopy(self.model).eval()
        self.optimizer = torch.optim.AdamW(
            _groups(self.model, recipe.weight_decay), lr=recipe.learning_rate, betas=(0.9, 0.99), fused=True
        )
        self.step, self.seconds = 0, 0.0
        folder.mkdir(parents=True, exist_ok=True)
        self._resume()

    def run(self, until: int | None = None) -> PromptSegmenter:
        """Trains to ``until`` (default: the recipe's end), saves, and returns the averaged model."""
        self.model.train()
        started, told = time.perf_counter(), []
        end = self.recipe.steps if until is None else min(until, self.recipe.steps)
        while self.step < end:
            told.append(self._one_step())
            self.step += 1
            if self.step % 20 == 0 or self.step == end:
                self.seconds, started = self.seconds + time.perf_counter() - started, time.perf_counter()
                loss, dice = np.mean(told, axis=0)
                told = []
                hours = self.seconds / 3600
                self.say(f"step {self.step}/{self.recipe.steps} loss {loss:.4f} dice {dice:.4f} hours {hours:.2f}")
            if self.step % 250 == 0 or self.step == end:
                self.save()
        return self.average

    def _one_step(self) -> tuple[float, float]:
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * self._rate()
        # Dropped paths, too, must not depend on whether the run was stopped in between.
        draw = np.random.SeedSequence([recipe.seed, self.step, self.team.rank])
        torch.manual_seed(int(draw.generate_state(1)[0]))
        images, index, prompts, targets = self.draw_batch()
        # With some hundred tokens plain attention is faster than the fused kernel, whose bfloat16 backward is slow.
        with (
            torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bfloat16"),
            sdpa_kernel(SDPBackend.MATH),
        ):
            logits, dice = self.model(images, index, prompts)
        loss, reached = loss_of(logits, dice, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.team.average([p.grad for p in self.model.parameters() if p.grad is not None])
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self._update_average()
        return float(loss.detach()), float(reached.mean())

    def draw_batch(self) -> tuple[Tensor, Tensor, PromptBatch, Tensor]:
        """Images ``[B, 1, S, S]``, frame index ``[N]``, prompts and targets ``[N, S/2, S/2]`` of the coming step."""
        # A generator for each step: a run continued after a kill sees what it would have seen.
        rng = np.random.default_rng([self.recipe.seed, self.step, self.team.rank])
        count = self.recipe.batch // self.team.size
        images, asks = [], []
        for pick in rng.integers(len(self.frames), size=count):
            image, label = augment(self.frames.images[pick], self.frames.labels[pick], self.recipe.image_size, rng)
            images.append(image)
            asks += draw_asks(label, self.recipe.prompts_per_frame, rng)
        prompts, targets = collate(asks, self.model)
        stack = torch.from_numpy(np.stack(images))[:, None].float() / 255
        index = torch.arange(count).repeat_interleave(self.recipe.prompts_per_frame)
        normalized = (stack - self.preprocessing.mean) / self.preprocessing.std
        return normalized, index, prompts, targets

    def _rate(self) -> float:
        recipe = self.recipe
        warm = min(1.0, (self.step + 1) / recipe.warmup)
        left = (recipe.steps - self.step) / (recipe.decay_fraction * recipe.steps)
        return warm * min(1.0, left)

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - keep)

    def save(self) -> None:
        """Writes the checkpoint that a later start continues from."""
        if not self.team.leads:
            return
        state = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        draft = self.folder / "checkpoint.part"
        torch.save(state, draft)
        draft.replace(self.folder / "checkpoint.pt")

    def _resume(self) -> None:
        path = self.folder / "checkpoint.pt"
        if not path.exists():
            return
        # weights_only: nothing but tensors and numbers is unpickled.
        state = torch.load(path, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.say(f"continuing at step {self.step}")


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay on matrices and kernels only, not on norms, biases, positions and embeddings."""
    decayed = [
        p
        for n, p in model.named_parameters()
        if p.requires_grad and p.ndim > 1 and "embed" not in n and "token" not in n
    ]
    chosen = {id(p) for p in decayed}
    rest = [p for p in model.parameters() if p.requires_grad and id(p) not in chosen]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": rest, "weight_decay": 0.0}]
