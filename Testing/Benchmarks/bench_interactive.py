"""A click in a `Session`, against segment-anything's ViT-B at its own input size and against our decoder called bare.

Segment-anything is built without weights: what it computes takes as long with any. A first click encodes the frame and
decodes a mask; a later one decodes. Seconds are processor time of one thread, ratios are of the same round; the Dice of
the clicks, in simulated hearts, stands beside them, since a fast wrong mask is worth nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import mean, median
from time import process_time

import cv2
import numpy as np
import torch
from segment_anything import SamPredictor, sam_model_registry
from side_by_side import take_turns

from echoapex.encoding import EncodedCine
from echoapex.evaluation.masks import deepest_click
from echoapex.evaluation.scores import dice
from echoapex.models.prompting import prompt_batch
from echoapex.models.store import LoadedModel, load_model
from echoapex.prompts import Prompt
from echoapex.session import Session
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.looks import TRAINING

SEED = 900_950
FRAMES = 8
CHAMBERS = (Tissue.LV, Tissue.LA, Tissue.RV, Tissue.RA)
OURS, BARE, SAM = "echoapex", "decoder called bare", "segment-anything ViT-B"


def sam_predictor() -> SamPredictor:
    """Segment-anything's ViT-B with random weights."""
    torch.manual_seed(0)
    return SamPredictor(sam_model_registry["vit_b"](checkpoint=None).eval())


def timed(run: Callable[[], object]) -> float:
    start = process_time()
    run()
    return process_time() - start


def first_clicks(model: LoadedModel, clip: SimulatedClip, sam: SamPredictor, rounds: int) -> dict[str, list[float]]:
    """Seconds of a click on a frame that nothing has seen yet."""
    cine, click = clip.cine(), deepest_click(clip.labels(0) == Tissue.LV)
    picture = cv2.cvtColor(cine.frames[0], cv2.COLOR_GRAY2RGB)

    def ours() -> None:
        Session(model, cine).segment(0, Prompt(points=(click,)), "LV")

    def theirs() -> None:
        sam.set_image(picture)
        sam.predict(np.array([[click.x, click.y]]), np.array([1]))

    ours()  # To warm up; the other takes most of a minute.
    runs = [(timed(theirs), timed(ours)) for _ in range(rounds)]
    return {SAM: [one for one, _ in runs], OURS: [other for _, other in runs]}


def later_clicks(model: LoadedModel, clip: SimulatedClip, sam: SamPredictor, rounds: int) -> dict[str, list[float]]:
    """Seconds of a click on an encoded frame; ``sam`` has seen a picture."""
    cine, click = clip.cine(), deepest_click(clip.labels(0) == Tissue.LV)
    session = Session(model, cine)
    session.encode_next(0)
    seen = EncodedCine(model, cine)
    features, prompt = seen.features([0]), Prompt(structure="LV", points=(click,))
    batch = prompt_batch([prompt], seen.geometry, model.card.structures, model.model)

    def ours() -> None:
        session.segment(0, Prompt(points=(click,)), "LV")
        session.undo()

    def bare() -> None:
        with torch.inference_mode():
            model.model.decode(features, torch.zeros(1, dtype=torch.long), batch)

    return take_turns(
        {OURS: ours, BARE: bare, SAM: lambda: sam.predict(np.array([[click.x, click.y]]), np.array([1]))}, rounds
    )


def click_dice(model: LoadedModel, clip: SimulatedClip) -> float:
    """Mean Dice of one click without a name in each chamber of each frame."""
    session, scores = Session(model, clip.cine()), []
    for frame in range(clip.cine().frame_count):
        labels = clip.labels(frame)
        for tissue in CHAMBERS:
            true = labels == tissue
            if true.any():
                shown = session.preview(frame, Prompt(points=(deepest_click(true),)))
                scores.append(dice(shown.masks[0], true))
    return mean(scores)


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """Of the rounds: median, lowest and highest."""
    each = sorted(a / b for a, b in zip(above, below, strict=True))
    return {"median": median(each), "lowest": each[0], "highest": each[-1]}


def measure(model: LoadedModel, rounds: int) -> dict[str, object]:
    print(f"simulating A4C, {FRAMES} frames", file=sys.stderr)
    clip = simulate_clip(draw_case("hard", SEED), "A4C", beats=60.0, max_frames=FRAMES, sampling=TRAINING)
    sam = sam_predictor()
    print(f"{SAM} at 1024 encodes {rounds} times: about a minute each", file=sys.stderr)
    first = first_clicks(model, clip, sam, rounds)
    later = later_clicks(model, clip, sam, 10 * rounds)
    return {
        "model": model.card.id,
        "dice": click_dice(model, clip),
        "seconds": {"first click": _medians(first), "later click": _medians(later)},
        "first_click_ratio_to_sam_vit_b": ratio(first[SAM], first[OURS]),
        "later_click_ratio_to_sam_decoder": ratio(later[SAM], later[OURS]),
        "later_click_ratio_to_decoder": ratio(later[OURS], later[BARE]),
    }


def _medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {name: median(times) for name, times in seconds.items()}


def print_measured(found: Mapping[str, object]) -> None:
    print(f"model {found['model']}; one click in a chamber of a simulated A4C: Dice {found['dice']:.3f}")
    seconds = found["seconds"]
    assert isinstance(seconds, Mapping)
    for name, times in seconds.items():
        print(f"{name}: " + ", ".join(f"{who} {1000 * took:.1f} ms" for who, took in times.items()))
    for name, value in found.items():
        if isinstance(value, Mapping) and "median" in value:
            print(f"{name} {value['median']:.2f} ({value['lowest']:.2f} to {value['highest']:.2f})")


def main() -> int:
    """Prints the ratios, as JSON if wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", help="identifier or folder (default: the shipped one)")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    found = measure(load_model(chosen.model, "cpu"), max(1, chosen.rounds))
    show = partial(json.dumps, indent=2)
    print(show(found)) if chosen.json else print_measured(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
