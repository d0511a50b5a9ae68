"""Trains one encoder for all tasks on simulated frames: mixed prompts to masks, views, wall landmarks."""

from __future__ import annotations

import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import EchoApexError
from ..landmarks import WALL_LANDMARKS
from ..models.image_encoder import Features
from ..models.model_card import OTHER
from ..models.model_loading import LoadedModel, load_model
from ..models.preprocessing import Preprocessing
from ..models.pretrained_backbone import is_backbone, start_backbone
from ..models.prompt_segmenter import PromptBatch, PromptSegmenter, create_segmenter
from ..models.view_and_landmark_heads import Heads, heat_map_loss
from ..simulation.heart import Tissue
from .augmentation import augment
from .checkpoints import CHECKPOINT_FILE, NOT_OURS, foreign, read_checkpoint, write_checkpoint
from .drawn_frames import Say, check_writable
from .frame_shards import Frames
from .losses import mask_loss
from .prompt_sampling import Ask, collate, corrected_by_click, draw_asks
from .recipe import Recipe
from .team import Team
from .unknown_objects import add_stranger

_TEXT = "text_embedding.weight"


def check_run(recipe: Recipe, folder: Path) -> None:
    """Raises `EchoApexError` where a run of ``recipe`` in ``folder`` would fail: to be asked before the work.

    That is where no checkpoint can be written, the one that is there is of something else, or the network cannot be
    built or start from the model that it is to start from.
    """
    check_writable(folder, "The run cannot be kept here")
    network = Network(recipe)
    if recipe.start_from:
        network.start(recipe)
    file = folder / CHECKPOINT_FILE
    if file.exists():
        read_checkpoint(file)


class Network(nn.Module):
    """A segmenter and its heads as one, for training."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.segmenter: PromptSegmenter = create_segmenter(
            recipe.encoder, recipe.patch, recipe.image_size, len(recipe.structures), drop_path=recipe.drop_path
        )
        width = self.segmenter.encoder.embed_dim
        self.heads = Heads(width, len(recipe.view_classes), len(WALL_LANDMARKS) if recipe.landmark_loss else 0)

    def start(self, recipe: Recipe) -> None:
        """Begins with what the recipe starts from: a model, or the folder of a pretrained backbone."""
        if is_backbone(recipe.start_from):
            start_backbone(self.segmenter.encoder, recipe.start_from)
        else:
            self.start_from(load_model(recipe.start_from, "cpu"), recipe)

    def start_from(self, other: LoadedModel, recipe: Recipe) -> None:
        """Takes over the weights of another model: its segmenter, and the heads that tell the same as this one's.

        Structures are taken over by name. Raises `EchoApexError` when it is built in another way.
        """
        own, given = self.segmenter.state_dict(), other.model.state_dict()
        names = own[_TEXT].clone()
        # Row 0 stands for no name.
        names[0] = given[_TEXT][0]
        for row, name in enumerate(recipe.structures, start=1):
            if name in other.card.structures:
                names[row] = given[_TEXT][other.card.structures.index(name) + 1]
        given[_TEXT] = names
        if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in given.items()}:
            raise EchoApexError("A run starts from a model of its own architecture", value=other.card.architecture)
        self.segmenter.load_state_dict(given)
        if self.heads.view is not None and other.heads.view is not None and other.card.views == recipe.view_classes:
            self.heads.view.load_state_dict(other.heads.view.state_dict())
        if self.heads.landmarks is not None and other.heads.landmarks is not None:
            self.heads.landmarks.load_state_dict(other.heads.landmarks.state_dict())


@dataclass(frozen=True)
class Batch:
    """What one step sees, and what it is asked (``asks``).

    Images ``[B, 1, S, S]``; the frame ``index [N]`` and ``targets [N, S/2, S/2]`` of each prompt; ``views [B]`` as
    class numbers; and the ``landmarks [M, 4, 2]`` (x, y, model pixels) of the frames ``marked [M]``.
    """

    images: Tensor
    index: Tensor
    prompts: PromptBatch
    targets: Tensor
    views: Tensor
    marked: Tensor
    landmarks: Tensor
    asks: list[Ask]


class Trainer:
    """One run that survives a kill: `run` continues from the newest checkpoint in ``folder``."""

    def __init__(self, recipe: Recipe, frames: Frames, folder: Path, say: Say, team: Team | None = None) -> None:
        self.recipe, self.frames, self.folder, self.say = recipe, frames, folder, say
        self.preprocessing = Preprocessing(recipe.image_size)
        self.team = team or Team()
        if recipe.batch % self.team.size:
            raise EchoApexError("The batch must divide evenly between the processes", value=recipe.batch)
        torch.manual_seed(recipe.seed)
        self.model = Network(recipe)
        if recipe.start_from:
            self.model.start(recipe)
        self.structures = [Tissue[name] for name in recipe.structures]
        self.held_out = [Tissue[name] for name in recipe.held_out]
        self.views = _view_numbers(recipe, frames)
        self.average = deepcopy(self.model).eval()
        self.optimizer = torch.optim.AdamW(
            _groups(self.model, recipe.weight_decay), lr=recipe.learning_rate, betas=(0.9, 0.99), fused=True
        )
        self.step, self.seconds = 0, 0.0
        check_writable(folder, "The run cannot be kept here")
        self._resume()

    def run(self, until: int | None = None) -> Network:
        """Trains to ``until`` (default: the recipe's end), saves, and returns the averaged model."""
        self.model.train()
        started, told = time.perf_counter(), []
        end = self.recipe.steps if until is None else min(until, self.recipe.steps)
        while self.step < end:
            told.append(self._one_step())
            self.step += 1
            if self.step % 20 == 0 or self.step == end:
                self.seconds, started = self.seconds + time.perf_counter() - started, time.perf_counter()
                mask, dice, view, landmark = np.mean(told, axis=0)
                told = []
                self.say(
                    f"step {self.step}/{self.recipe.steps} masks {mask:.4f} dice {dice:.4f} views {view:.4f} "
                    f"landmarks {landmark:.4f} hours {self.seconds / 3600:.2f}"
                )
            if self.step % 250 == 0 or self.step == end:
                self.save()
        return self.average

    def _one_step(self) -> tuple[float, float, float, float]:
        recipe = self.recipe
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * self._rate()
        # Dropped paths, too, must not depend on whether the run was stopped in between.
        draw = np.random.SeedSequence([recipe.seed, self.step, self.team.rank])
        torch.manual_seed(int(draw.generate_state(1)[0]))
        batch = self.draw_batch()
        # With some hundred tokens plain attention is faster than the fused kernel, whose bfloat16 backward is slow.
        with (
            torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bfloat16"),
            sdpa_kernel(SDPBackend.MATH),
        ):
            features = self.model.segmenter.encode(batch.images)
            prompts = self.corrected(features, batch)
            logits, dice = self.model.segmenter.decode(features, batch.index, prompts)
            view, landmark = self._head_losses(features, batch)
        mask, reached = mask_loss(logits, dice, batch.targets)
        loss = mask + recipe.view_loss * view + recipe.landmark_loss * landmark
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.team.average(self._gradients())
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self._update_average()
        return float(mask.detach()), float(reached.mean()), float(view.detach()), float(landmark.detach())

    @torch.no_grad()
    def corrected(self, features: Features, batch: Batch) -> PromptBatch:
        """The prompts of ``batch``, half of those that point with clicks on the errors of the model's own answers.

        As a user corrects: each click goes somewhere in the largest piece of the error so far (after Kirillov et al.
        2023, appendix A, who click anywhere in the error).
        """
        if not self.recipe.corrections:
            return batch.prompts
        segmenter, size = self.model.segmenter, self.recipe.image_size
        rng = np.random.default_rng([self.recipe.seed, self.step, self.team.rank, 1])
        asks = list(batch.asks)
        chosen = [row for row, ask in enumerate(asks) if ask.pointed and rng.random() < 0.5]
        for _ in range(int(rng.integers(1, self.recipe.corrections + 1)) if chosen else 0):
            prompts, _targets = collate([asks[row] for row in chosen], segmenter)
            logits, _ = segmenter.decode(features, batch.index[chosen], prompts)
            answers = functional.interpolate(logits[:, None].float(), size=(size, size), mode="bilinear")[:, 0] > 0
            for row, answer in zip(chosen, answers.numpy(), strict=True):
                asks[row] = corrected_by_click(asks[row], answer, rng)
        return collate(asks, segmenter)[0]

    def _head_losses(self, features: Features, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross-entropy of the views and of the heat maps; 0 where there is no such head or nothing to learn from."""
        heads, nothing = self.model.heads, batch.images.new_zeros(())
        view, landmark = nothing, nothing
        if heads.view is not None:
            view = functional.cross_entropy(heads.view(features.cls).float(), batch.views)
        if heads.landmarks is not None and len(batch.marked):
            landmark = heat_map_loss(heads.landmarks(features.select(batch.marked)), batch.landmarks)
        return view, landmark

    def _gradients(self) -> list[Tensor]:
        """Gradients of all parameters; 0 where this process had nothing to learn from and another may have."""
        for parameter in self.model.parameters():
            if parameter.requires_grad and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        return [p.grad for p in self.model.parameters() if p.grad is not None]

    def draw_batch(self) -> Batch:
        """What the coming step sees."""
        # A generator for each step: a run continued after a kill sees what it would have seen.
        rng = np.random.default_rng([self.recipe.seed, self.step, self.team.rank])
        picks = rng.integers(len(self.frames), size=self.recipe.batch // self.team.size)
        drawn = [self._draw_frame(int(pick), rng) for pick in picks]
        asks = [ask for _, _, some in drawn for ask in some]
        prompts, targets = collate(asks, self.model.segmenter)
        stack = torch.from_numpy(np.stack([image for image, _, _ in drawn]))[:, None].float() / 255
        points = np.stack([places for _, places, _ in drawn])
        inside = np.isfinite(points) & (points >= 0) & (points <= self.recipe.image_size - 1)
        marked = np.flatnonzero(inside.all(axis=(1, 2)))
        return Batch(
            images=(stack - self.preprocessing.mean) / self.preprocessing.std,
            index=torch.arange(len(drawn)).repeat_interleave(self.recipe.prompts_per_frame),
            prompts=prompts,
            targets=targets,
            views=torch.from_numpy(self.views[picks]),
            marked=torch.from_numpy(marked),
            landmarks=torch.from_numpy(points[marked]).float(),
            asks=asks,
        )

    def _draw_frame(self, pick: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list[Ask]]:
        """The picture, its landmarks and its prompts."""
        frames, recipe = self.frames, self.recipe
        image, label, points = augment(
            frames.images[pick],
            frames.labels[pick],
            frames.landmarks[pick],
            recipe.image_size,
            rng,
            mirrored=recipe.mirrored,
            tone=recipe.tone,
        )
        strange = add_stranger(image, label, rng) if rng.random() < recipe.strangers else None
        thing = None
        if strange is not None:
            image, label, thing = strange
        count = recipe.prompts_per_frame
        asks = draw_asks(label, count, self.structures, rng, stranger=thing, held_out=self.held_out)
        return image, points, asks

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
        write_checkpoint(self.folder / CHECKPOINT_FILE, state)

    def _resume(self) -> None:
        path = self.folder / CHECKPOINT_FILE
        if not path.exists():
            return
        try:
            state = read_checkpoint(path)
            self.model.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.seconds = state["step"], state["seconds"]
        except NOT_OURS as error:
            raise foreign(path, error) from None
        self.say(f"continuing at step {self.step}")


def _view_numbers(recipe: Recipe, frames: Frames) -> np.ndarray:
    """The class of each frame's view; raises `EchoApexError` for a view that the recipe has not."""
    foreign = sorted(set(frames.views.tolist()) - {*recipe.views, OTHER})
    if foreign:
        rule = "The training frames show views that the recipe has not; give another --run folder"
        raise EchoApexError(rule, value=", ".join(foreign[:5]))
    return np.array([recipe.view_classes.index(view) if recipe.view_classes else 0 for view in frames.views])


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
