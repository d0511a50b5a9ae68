"""A run of pretraining as a `Learner`: a method, its material, an optimizer, and a look at embeddings now and then."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
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
from .methods.registry import METHODS, build_method, material_of
from .network_compiling import compile_networks, compiling, without_compiling
from .parallel_weights import load_network, load_optimizer, whole
from .run_loop import NotFiniteError
from .team import Team, share_of

_STALLED_S = 600.0
_LEAST_SPREAD, _LEAST_INFORMATION = 1e-6, 1e-4
_SPREAD_STEPS, _INFORMATION_STEPS = 50, 200
"""So many steps in a row without any difference are a collapse (our choice)."""


class PretrainingLearner:
    """Teaches the method of a ``recipe`` by the items of a ``source`` on a ``device``, drawn by so many threads.

    With ``fresh`` it begins with the weights that the recipe names; a run that goes on has its own. The processes of a
    ``team`` each learn from their share of a batch, in as many parts as the recipe says.
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
        team: Team | None = None,
    ) -> None:
        self.recipe, self.source, self.device, self.team = recipe, source, device, team or Team()
        epoch_steps = recipe.epoch_steps or max(1, len(source) // recipe.batch)
        self.timeline = Timeline(recipe.epochs * epoch_steps, epoch_steps)
        torch.manual_seed(recipe.seed)
        self.method = build_method(recipe, self.timeline)
        if recipe.init_from and fresh:
            self._start_from(recipe.init_from, say)
        check_shares(recipe, self.team)
        self.method.to(device).train()
        if recipe.compile:
            compile_networks(self.method.compiled())
        self.method.share_out(self.team, recipe.parallel)
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
        if not np.isfinite(facts["loss"]):
            raise NotFiniteError(f"The loss of step {step} is not finite: lower the learning rate", value=facts["loss"])
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
        """Gradients of all shares of this process; gives back the means of the terms over all of the team."""
        shares = views.shares(self.recipe.accumulate)
        parts = self.method.part_losses(shares, step)
        sums: dict[str, Tensor] = {}
        with self._attention(), compiling():
            for number in range(len(shares)):
                # Dropped paths depend neither on whether the run was stopped before, nor on who computes a share.
                torch.manual_seed(_seed(self.recipe.seed, step, self.team.rank * len(shares) + number))
                with self.method.share(last=number + 1 == len(shares)):
                    with self._precision():
                        terms = next(parts)
                    (terms["loss"] / len(shares)).backward()  # type: ignore[no-untyped-call]
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0) + value.detach().float()
        means = self.team.mean(torch.stack(list(sums.values())) / len(shares)).tolist()
        return dict(zip(sums, means, strict=True))

    def trial_seconds(self, step: int) -> float:
        """How long ``step`` takes, tried without learning anything."""
        seconds, kept = 0.0, [buffer.clone() for buffer in self.method.buffers()]
        # An accelerator is slow at first.
        for _ in range(1 if self.device.type == "cpu" else 3):
            started = time.perf_counter()
            self._backward(self._views(step, ahead=False), step)
            self.method.clip_gradients().item()
            seconds = time.perf_counter() - started
        self.optimizer.zero_grad(set_to_none=True)
        # Running statistics of batch norms have learned something.
        for buffer, value in zip(self.method.buffers(), kept, strict=True):
            buffer.copy_(value)
        return seconds

    def look(self, step: int) -> tuple[Mapping[str, float], float | None]:
        """What the embeddings are worth, and the score among it; before the first step also what pixels are."""
        seen = {**self.probe.look(self.embed), **(self.probe.pixels() if step == 0 else {})}
        return seen, seen.get(self.probe.score)

    def embed(self, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """What whole pictures are compared by, ``[N, D]`` on the CPU: frames ``uint8 [H, W]``, or clips."""
        self.method.eval()
        with without_compiling(self.recipe.compile):
            found = self.method.embed(pictures)
        self.method.train()
        return found

    def state_dict(self) -> dict[str, Any]:
        """Student, teacher and centers, and the optimizer, whole; frames and random draws follow from the step.

        The processes of a team ask for it together.
        """
        return {"method": whole(self.method.state_dict()), "optimizer": whole(self.optimizer.state_dict())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave, by any number of processes."""
        load_network(self.method, state["method"])
        load_optimizer(self.optimizer, state["optimizer"])

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
        """This process's share of the batch: items and views of a place are the same, whoever draws them."""

        def draw(number: int) -> Any:
            rng = np.random.default_rng([self.recipe.seed, step, number])
            return self.method.draw(self.source.item(places[number]), rng)

        places = self._reader.places(step)
        drawn = list(self._drawing.map(draw, share_of(range(len(places)), self.team)))
        return self.method.collate(drawn, _seed(self.recipe.seed, step), self.team.rank, self.team.size)

    def _precision(self) -> AbstractContextManager[Any]:
        half = self.recipe.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=half)

    def _attention(self) -> AbstractContextManager[Any]:
        """Also around the gradients: what was not kept is computed again in the same way."""
        # With some hundred tokens plain attention is faster there, and its gradients do not depend on chance.
        return sdpa_kernel(SDPBackend.MATH) if self.device.type == "cpu" else nullcontext()

    def _watch(self, facts: Mapping[str, float]) -> None:
        """Raises `EchoApexError` where all frames have looked the same for long."""
        self._alike = self._alike + 1 if facts["embedding_spread"] < _LEAST_SPREAD else 0
        # A method without targets tells nothing of them.
        self._silent = self._silent + 1 if facts.get("target_information", np.inf) < _LEAST_INFORMATION else 0
        if self._alike >= _SPREAD_STEPS:
            rule = f"The encoder has collapsed: all embeddings have been the same for {_SPREAD_STEPS} steps"
            raise EchoApexError(rule, value=f"spread {facts['embedding_spread']:.1e}")
        if self._silent >= _INFORMATION_STEPS:
            rule = f"The encoder has collapsed: all targets have been the same for {_INFORMATION_STEPS} steps"
            raise EchoApexError(rule, value=f"{facts['target_information']:.1e} nats")


def check_shares(recipe: PretrainingRecipe, team: Team) -> None:
    """Raises `EchoApexError` where a batch does not divide by processes and ``accumulate``, or not at all."""
    count = team.size * recipe.accumulate
    if count > 1 and not METHODS[recipe.method].method.divisible:
        rule = f"{recipe.method} compares all items of a batch: one process learns it at once, accumulate 1"
        raise EchoApexError(rule, value=f"{team.size} processes, accumulate {recipe.accumulate}")
    if recipe.batch % count:
        rule = f"The batch of {recipe.batch} must divide evenly by the processes times accumulate"
        raise EchoApexError(rule, value=f"{team.size} times {recipe.accumulate}")


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
