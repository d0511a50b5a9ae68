"""Clicks in a `Session`, against segment-anything's ViT-B at its own input size and against our decoder called bare."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from time import process_time

import cv2
import numpy as np
import torch
from segment_anything import SamPredictor, sam_model_registry
from side_by_side import take_turns

from echoapex.evaluation.bootstrap_scores import dice
from echoapex.evaluation.trials.structure_masks import deepest_click
from echoapex.inference.encoding import EncodedCine
from echoapex.models.model_loading import LoadedModel
from echoapex.models.prompt_coordinates import prompt_batch
from echoapex.prompts import Prompt
from echoapex.session import Session
from echoapex.simulation import SimulatedClip
from echoapex.simulation.heart import Tissue

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
