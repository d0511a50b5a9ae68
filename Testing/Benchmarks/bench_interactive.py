"""Interactive work on one cine: clicks, steps from frame to frame, a busy neighbor, memory; each beside its goal.

Clicks are compared with segment-anything's ViT-B, which is built without weights: what it computes takes as long with
any. A first click encodes the frame and decodes a mask; a later one decodes. Seconds of clicks and steps are processor
time of one thread, ratios are of the same round; the Dice of the clicks, in simulated hearts, stands beside them, since
a fast wrong mask is worth nothing. Beside a busy neighbor it is wall time in the inference process that counts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from statistics import median

import cv2
import torch
from figures import Figure, Goal, ratio
from interactive_busy import busy_figures
from interactive_clicks import BARE, OURS, SAM, click_dice, first_clicks, later_clicks, sam_predictor
from interactive_memory import memory_figures
from interactive_process import say
from interactive_steps import step_figure

from echoapex.models.model_loading import LoadedModel, load_model
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.vendor_looks import TRAINING

SEED = 900_950
FRAMES = 8

FIRST_CLICK = Goal(150)
LATER_CLICK = Goal(1.2, at_most=True)
LATER_CLICK_SAM = Goal(8)
BUSY = Goal(2.2, at_most=True)
MEMORY_MB = Goal(500, at_most=True)

Seconds = Mapping[str, Sequence[float]]


def click_figures(first: Seconds, later: Seconds) -> dict[str, Figure]:
    return {
        "first_click_ratio_to_sam_vit_b": ratio(first[SAM], first[OURS], FIRST_CLICK),
        "later_click_ratio_to_sam_decoder": ratio(later[SAM], later[OURS], LATER_CLICK_SAM),
        "later_click_ratio_to_decoder": ratio(later[OURS], later[BARE], LATER_CLICK),
    }


def process_figures(model: LoadedModel, clip: SimulatedClip) -> dict[str, Figure]:
    """What needs a scene or the inference process."""
    say("stepping through a scene")
    step = step_figure(model.card, clip)
    say("encoding and clicking in the inference process, alone and beside a busy one")
    encode, click = busy_figures(model, clip, BUSY)
    at_work, all_of_it = memory_figures(model, SEED, MEMORY_MB)
    return {
        "busy_p90_ratio": encode,
        "busy_p90_ratio_click": click,
        "frame_step_ratio": step,
        "memory_mb": at_work,
        "memory_mb_with_curve": all_of_it,
    }


def measure(model: LoadedModel, rounds: int) -> dict[str, object]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    say(f"simulating A4C, {FRAMES} frames")
    clip = simulate_clip(draw_case("hard", SEED), "A4C", beats=60.0, max_frames=FRAMES, sampling=TRAINING)
    sam = sam_predictor()
    say(f"{SAM} at 1024 encodes {rounds} times: about a minute each")
    first = first_clicks(model, clip, sam, rounds)
    later = later_clicks(model, clip, sam, 10 * rounds)
    del sam
    return {
        "model": model.card.id,
        "dice": click_dice(model, clip),
        "load_average": load,
        "seconds": {"first click": _medians(first), "later click": _medians(later)},
        "figures": click_figures(first, later) | process_figures(model, clip),
    }


def _medians(seconds: Seconds) -> dict[str, float]:
    return {name: median(times) for name, times in seconds.items()}


def print_measured(found: Mapping[str, object]) -> None:
    print(f"model {found['model']}; one click in a chamber of a simulated A4C: Dice {found['dice']:.3f}")
    if found["load_average"] is not None:
        print(f"{found['load_average']:.1f} other processes ran on {os.cpu_count()} processors when it began")
    seconds, figures = found["seconds"], found["figures"]
    assert isinstance(seconds, Mapping) and isinstance(figures, Mapping)
    for name, times in seconds.items():
        print(f"{name}: " + ", ".join(f"{who} {1000 * took:.1f} ms" for who, took in times.items()))
    for name, figure in figures.items():
        print(f"{name}: {figure}")


def as_json(found: Mapping[str, object]) -> str:
    """The figures beside the rest, each under its own name."""
    figures = found["figures"]
    assert isinstance(figures, Mapping)
    rest = {name: value for name, value in found.items() if name != "figures"}
    return json.dumps(rest | {name: figure.plain() for name, figure in figures.items()}, indent=2)


def main() -> int:
    """Prints the figures, as JSON if wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", help="identifier or folder (default: the shipped one)")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    found = measure(load_model(chosen.model, "cpu"), max(1, chosen.rounds))
    if chosen.json:
        print(as_json(found))
    else:
        print_measured(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
