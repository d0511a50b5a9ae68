"""Pretraining on an NVIDIA device: frames a second, the share of what it multiplies at best, and the wait for frames.

Steps are those of the command line (`PretrainingLearner`), with the threads that draw beside them.
"""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median

import torch
from figures import Figure, Goal
from torch.utils.flop_counter import FlopCounterMode

from echoapex import resources
from echoapex.training.frame_source import FrameSource
from echoapex.training.methods.pretraining_recipe import PretrainingRecipe
from echoapex.training.methods.registry import read_pretraining_recipe
from echoapex.training.pretraining import PretrainingLearner

SHARES = {"vit_small": Goal(0.35), "vit_base": Goal(0.45)}
WAITING = Goal(0.05, at_most=True)
_SIDE = 8192
_WARM, _STEPS, _THREADS = 10, 30, 15


def cuda_figures(source: FrameSource, batch: int) -> dict[str, Figure]:
    """For each encoder; without a device they say so."""
    if not torch.cuda.is_available():
        return {"cuda": Figure(None, how="there is no NVIDIA device")}
    best = product_rate()
    figures = {"cuda_product": Figure(best / 1e12, unit="TFLOP/s", how=f"bfloat16 product of {_SIDE} x {_SIDE}")}
    for encoder, goal in SHARES.items():
        figures |= _encoder_figures(_recipe(encoder, batch), source, best, goal)
    return figures


def product_rate() -> float:
    """Operations a second of the product of two large matrices in bfloat16, the fastest of some."""
    a, b = (torch.randn(_SIDE, _SIDE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(20):
        torch.cuda.synchronize()
        start = time.perf_counter()
        _ = a @ b
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return float(2 * _SIDE**3 / min(seconds))


def _recipe(encoder: str, batch: int) -> PretrainingRecipe:
    recipe = read_pretraining_recipe(resources.path("Recipes/pretrain-gpu-stage-2.toml"))
    return replace(recipe, encoder=encoder, batch=batch, init_from="", epoch_steps=_WARM + _STEPS, epochs=20)


def _encoder_figures(recipe: PretrainingRecipe, source: FrameSource, best: float, goal: Goal) -> dict[str, Figure]:
    learner = PretrainingLearner(recipe, source, torch.device("cuda"), _silent, threads=_THREADS)
    facts, seconds = [], []
    for step in range(_WARM + _STEPS):
        start = time.perf_counter()
        facts.append(learner.learn(step))
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    counter = FlopCounterMode(display=False)
    with counter:
        learner.learn(_WARM + _STEPS)
    step_s, waiting = median(seconds[_WARM:]), median(fact["waiting"] for fact in facts[_WARM:])
    share = counter.get_total_flops() / step_s / best
    name, how = recipe.encoder, f"batch {recipe.batch}, {recipe.precision}, as the command line learns"
    if not goal.met(share) or not WAITING.met(waiting):
        how += "; most time in " + ", ".join(costliest(learner, _WARM + _STEPS + 1))
    learner.close()
    return {
        f"cuda_{name}_images": Figure(recipe.batch / step_s, unit="frames/s", how=how),
        f"cuda_{name}_share_of_product": Figure(share, goal=goal),
        f"cuda_{name}_waiting_for_frames": Figure(waiting, goal=WAITING),
    }


def costliest(learner: PretrainingLearner, step: int) -> list[str]:
    """The three operations that take most of the device's time in a step."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        learner.learn(step)
        torch.cuda.synchronize()
    rows = sorted(found.key_averages(), key=lambda row: row.self_device_time_total, reverse=True)
    total = sum(row.self_device_time_total for row in rows) or 1
    return [f"{row.key} ({row.self_device_time_total / total:.0%})" for row in rows[:3]]


def _silent(text: str) -> None:
    """Nothing is said."""
