"""A step to another frame, in a scene with what is shown in step with the cine, and in one with the cine alone.

MRML only: nothing is drawn on a screen. What is in step are masks of two structures on every frame, a prompt on every
frame, and the point of the frame in the volume curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np
from figures import Figure, ratio
from side_by_side import take_turns

from echoapex.cine import BoolMask, Cine
from echoapex.evaluation.trials.structure_masks import deepest_click
from echoapex.inference.segmentation import Segmentation
from echoapex.models.model_card import ModelCard
from echoapex.session.model_questions import PromptQuestion
from echoapex.session.state import SessionState
from echoapex.simulation import SimulatedClip
from echoapex.simulation.heart import Tissue

FRAMES, ROUNDS = 60, 10
OURS, MASKS, BARE = "with masks, prompts and curve", "with masks and prompts", "cine alone"


class TrueAnswers:
    """Answers like the inference process, at once, with the exact ``masks [T, H, W]`` of each structure."""

    def __init__(self, masks: dict[str, BoolMask]) -> None:
        self._masks = masks

    def ask(
        self, question: PromptQuestion, answered: Callable[[Segmentation], None], refused: Callable[[str], None]
    ) -> int:
        mask = self._masks[question.structure][question.frame]
        answered(Segmentation(mask[None], np.ones(1, np.float32)))
        return 1


def step_figure(card: ModelCard, clip: SimulatedClip) -> Figure:
    """Processor time of a step with what we show over that of one without."""
    if find_spec("slicer") is None:
        return Figure(None, how="slicer is not installed")
    from EchoApexLib.study.studyInScene import newScene

    with newScene() as bare, newScene() as scene:
        return _steps(card, clip, bare, scene)


def _steps(card: ModelCard, clip: SimulatedClip, bare: Any, scene: Any) -> Figure:
    from EchoApexLib.cine.cineFromBrowser import openCine

    rows = np.arange(FRAMES) % len(clip.frames)
    labels = np.stack([clip.labels(frame) for frame in range(len(clip.frames))])[rows]
    cine = replace(clip, frames=clip.frames[rows]).cine()
    plain, browser = openCine(bare, cine), openCine(scene, cine)
    work = _work(card, cine, scene, browser, {tissue.name: labels == tissue for tissue in (Tissue.LV, Tissue.LA)})
    ways = {
        OURS: lambda: _through(browser, work.curve.setFrame),
        MASKS: lambda: _through(browser),
        BARE: lambda: _through(plain),
    }
    seconds = take_turns(ways, ROUNDS)
    work.close()
    figure = ratio(seconds[OURS], seconds[BARE], how=f"processor time of one step, {FRAMES} frames, without drawing")
    return replace(figure, parts={f"ms {name}": 1000 * median(times) / FRAMES for name, times in seconds.items()})


def _work(card: ModelCard, cine: Cine, scene: Any, browser: Any, masks: dict[str, BoolMask]) -> Any:
    """The cine of ``browser`` as one works on it, with a click on every frame for each of ``masks``."""
    from EchoApexLib.session.cineController import CineController

    answers = TrueAnswers(masks)
    state = SessionState(card, cine)
    work = CineController(scene, browser, cine, state, running=lambda: answers, changed=lambda: None, said=_refuse)
    for structure, stack in masks.items():
        work.choose(structure)
        for frame, mask in enumerate(stack):
            work.show(frame)
            click = deepest_click(mask)
            work.click((click.x, click.y))
    work.measure()
    return work


def _through(browser: Any, after: Callable[[int], None] | None = None) -> None:
    """Shows every frame; ``after`` each, its number is told as a panel tells the curve."""
    for frame in range(FRAMES):
        browser.SetSelectedItemNumber(frame)
        if after is not None:
            after(frame)


def _refuse(sentence: str) -> None:
    raise RuntimeError(sentence)
