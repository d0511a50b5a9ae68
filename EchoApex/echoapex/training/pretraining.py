"""A run of pretraining as a `Learner`: a method, its material, an optimizer, and a look at embeddings now and then."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import EchoApexError
from ..models.pretrained_backbone import fitted, weights_from
from .drawn_frames import Say
from .frame_source import BatchReader, Source
from .methods.method import Timeline
from .methods.pretraining_recipe import PretrainingRecipe
from .methods.registry import build_method, material_of
from .run_loop import NotFiniteError

_STALLED_S = 600.0
_LEAST_SPREAD, _LEAST_INFORMATION = 1e-6, 1e-4
_SPREAD_STEPS, _INFORMATION_STEPS = 50, 200
"""So many steps in a row without any difference are a collapse (our choice)."""


class PretrainingLearner:
    """Teaches the method of a ``recipe`` by the items of a ``source`` on a ``device``, drawn by so many threads.

    With ``fresh`` it begins with the weights that the recipe names; a run that goes on has its own.
    """

    def __init__(
        self,
        recipe: PretrainingRecipe,
        source: Source[Any],
        device: torch.device,
        say: Say,
        *,
        threads: int = 1,
        fresh: bool = True,
    ) -> None:
        self.recipe, self.source, self.device = recipe, source, device
        epoch_steps = recipe.epoch_steps or max(1, len(source) // recipe.batch)
        self.timeline = Timeline(recipe.epochs * epoch_steps, epoch_steps)
        torch.manual_seed(recipe.seed)
        self.method = build_method(recipe, self.timeline)
        if recipe.init_from and fresh:
            self._start_from(recipe.init_from, say)
        self.method.to(device).train()
        self.optimizer = self.method.optimizer()
        self.probe = material_of(recipe).probe(source, recipe.seed)
        if not self.probe.scored:
            say(self.probe.unscored)
        self._reader = BatchReader(source, recipe.batch, recipe.seed)
        self._reading, self._drawing = ThreadPoolExecutor(1), ThreadPoolExecutor(threads)
        self._coming: dict[int, Future[Any]] = {}
        self._seen: Any = None
        self._alike, self._silent = 0, 0

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.timeline.steps

    def learn(self, step: int) -> Mapping[str, float]:
        """One step; raises `NotFiniteError` before anything is changed, and `EchoApexError` for a collapse."""
        started = time.perf_counter()
        views = self._views(step)
        waited = time.perf_counter() - started
        pace = self.method.set_pace(self.optimizer, step)
        facts = self._backward(views, step)
        norm = float(self.method.clip_gradients())
        if not np.isfinite(norm):
            raise NotFiniteError(f"The gradients of step {step} are not finite: lower the learning rate", value=norm)
        self.optimizer.step()
        self.method.after_step(step)
        self.optimizer.zero_grad(set_to_none=True)
        self._watch(facts)
        taken = time.perf_counter() - started
        images = self.recipe.batch * self.method.frames_of_item
        speed = {"images_per_s": images / taken, "waiting": waited / taken}
        return {"epoch": step / self.timeline.epoch_steps, **facts, "gradient_norm": norm, **pace, **speed}

    def _backward(self, views: Any, step: int) -> dict[str, float]:
        # Dropped paths must not depend on whether the run was stopped in between.
        torch.manual_seed(_seed(self.recipe.seed, step))
        with self._precision():
            terms = self.method.losses(views, step)
        facts = {name: float(value.detach()) for name, value in terms.items()}
        if not np.isfinite(facts["loss"]):
            raise NotFiniteError(f"The loss of step {step} is not finite: lower the learning rate", value=facts["loss"])
        terms["loss"].backward()  # type: ignore[no-untyped-call]
        return facts

    def trial_seconds(self, step: int) -> float:
        """How long ``step`` takes, tried without learning anything."""
        seconds, means = 0.0, {name: value.clone() for name, value in self.method.named_buffers()}
        # An accelerator is slow at first.
        for _ in range(1 if self.device.type == "cpu" else 3):
            started = time.perf_counter()
            self._backward(self._views(step, ahead=False), step)
            self.method.clip_gradients().item()
            seconds = time.perf_counter() - started
        self.optimizer.zero_grad(set_to_none=True)
        for name, value in self.method.named_buffers():
            value.copy_(means[name])
        return seconds

    def look(self, step: int) -> tuple[Mapping[str, float], float | None]:
        """What the embeddings are worth, and the score among it; before the first step also what pixels are."""
        seen = {**self.probe.look(self.embed), **(self.probe.pixels() if step == 0 else {})}
        return seen, seen.get(self.probe.score)

    def embed(self, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """What whole pictures are compared by, ``[N, D]`` on the CPU: frames ``uint8 [H, W]``, or clips."""
        return self.method.embed(pictures)

    def state_dict(self) -> dict[str, Any]:
        """Student, teacher and centers, and the optimizer; frames and random draws follow from the step."""
        return {"method": self.method.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave."""
        self.method.load_state_dict(state["method"])
        self.optimizer.load_state_dict(state["optimizer"])

    def keep_batch(self, file: Path) -> None:
        """Writes the views of the last step as arrays, with the seed of their dropped paths. Raises `OSError`."""
        assert self._seen is not None
        arrays = {name: value for name, value in self._seen._asdict().items() if value is not None}
        np.savez(file, allow_pickle=False, seed=np.asarray(self.recipe.seed), **arrays)

    def close(self) -> None:
        """Ends the threads that draw."""
        for pool in (self._reading, self._drawing):
            pool.shutdown(wait=False, cancel_futures=True)

    def _start_from(self, source: str, say: Say) -> None:
        tensors, words = weights_from(source)
        weights, notes = fitted(tensors, self.method.backbone.network, source)
        self.method.start_from(weights)
        say("; ".join([f"starting from {words}", *notes]))

    def _views(self, step: int, *, ahead: bool = True) -> Any:
        """What ``step`` sees; the next step's are drawn meanwhile."""
        self._ask(step)
        try:
            views = self._coming[step].result(timeout=_STALLED_S)
        except TimeoutError:
            rule = f"No frames have come for {_STALLED_S:.0f} s: check the disk that they are on"
            raise EchoApexError(rule, value=self.source.name) from None
        if ahead:
            del self._coming[step]
            if step + 1 < self.steps:
                self._ask(step + 1)
        self._seen = views
        return views

    def _ask(self, step: int) -> None:
        if step not in self._coming:
            self._coming[step] = self._reading.submit(self._drawn, step)

    def _drawn(self, step: int) -> Any:
        def draw(place: int) -> Any:
            return self.method.draw(items[place], np.random.default_rng([self.recipe.seed, step, place]))

        items = self._reader.batch(step)
        return self.method.collate(list(self._drawing.map(draw, range(len(items)))), _seed(self.recipe.seed, step))

    def _precision(self) -> AbstractContextManager[Any]:
        stack = ExitStack()
        half = self.recipe.precision == "bfloat16"
        stack.enter_context(torch.autocast(self.device.type, torch.bfloat16, enabled=half))
        if self.device.type == "cpu":
            # With some hundred tokens plain attention is faster there, and its gradients do not depend on chance.
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        return stack

    def _watch(self, facts: Mapping[str, float]) -> None:
        """Raises `EchoApexError` where all frames have looked the same for long."""
        self._alike = self._alike + 1 if facts["embedding_spread"] < _LEAST_SPREAD else 0
        self._silent = self._silent + 1 if facts.get("target_information", np.inf) < _LEAST_INFORMATION else 0
        if self._alike >= _SPREAD_STEPS:
            rule = f"The encoder has collapsed: every frame has had the same embedding for {_SPREAD_STEPS} steps"
            raise EchoApexError(rule, value=f"spread {facts['embedding_spread']:.1e}")
        if self._silent >= _INFORMATION_STEPS:
            rule = f"The encoder has collapsed: every frame has had the same target for {_INFORMATION_STEPS} steps"
            raise EchoApexError(rule, value=f"{facts['target_information']:.1e} nats")


def _seed(seed: int, step: int) -> int:
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])
