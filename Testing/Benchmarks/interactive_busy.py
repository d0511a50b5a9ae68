"""What one busy process beside it does to the inference process: wall time of an encode and of a later click.

Quiet and busy pieces take turns while one long cine is encoded, and again while clicks are asked on an encoded frame.
Whatever else runs on the machine is in both.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from figures import Figure, Goal, spread
from interactive_process import busy_neighbor, inference_process, say, threads_as_in_a_panel, wait

from echoapex.evaluation.trials.structure_masks import deepest_click
from echoapex.inference.segmentation import Segmentation
from echoapex.models.model_loading import LoadedModel
from echoapex.prompts import Prompt
from echoapex.serving import InferenceProcess
from echoapex.session.model_questions import PromptQuestion
from echoapex.session.state import SessionState
from echoapex.simulation import SimulatedClip
from echoapex.simulation.heart import Tissue

TURNS, ENCODES, CLICKS = 5, 12, 30
"""Pieces, quiet and busy each, and what is timed in a piece."""

# A piece that begins or ends in the middle of a frame does not count it.
FRAMES = TURNS * 2 * (ENCODES + 6)

Rounds = list[tuple[list[float], list[float]]]
"""Seconds, quiet and busy, of each turn."""


def busy_figures(model: LoadedModel, clip: SimulatedClip, goal: Goal) -> tuple[Figure, Figure]:
    """The 90th percentile of the busy pieces over the median of the quiet ones: encode, later click."""
    frames = clip.frames[np.arange(FRAMES) % len(clip.frames)]
    cine, click = replace(clip, frames=frames).cine(), deepest_click(clip.labels(0) == Tissue.LV)
    question = SessionState(model.card, cine).ask(0, Prompt(points=(click,)), "LV")
    with tempfile.TemporaryDirectory() as cache:
        process = inference_process(model.folder, Path(cache))
        try:
            with threads_as_in_a_panel():
                process.start()
            process.open(cine)
            wait(process, lambda: process.ready)
            say(f"inference process: {process.told.threads}")
            encodes = _take_turns(lambda: _encodes(process))
            wait(process, lambda: len(process.told.encoded) == FRAMES)
            clicks = _take_turns(lambda: [_click(process, question) for _ in range(CLICKS)])
        finally:
            process.close()
    return _figure("encode", encodes, goal), _figure("later click", clicks, goal)


def _take_turns(timed: Callable[[], list[float]]) -> Rounds:
    timed()  # To warm up.
    rounds = []
    for _ in range(TURNS):
        quiet, busy = (_beside(beside, timed) for beside in (nullcontext, busy_neighbor))
        rounds.append((quiet, busy))
    return rounds


def _beside(neighbor: Callable[[], AbstractContextManager[None]], timed: Callable[[], list[float]]) -> list[float]:
    with neighbor():
        return timed()


def _encodes(process: InferenceProcess) -> list[float]:
    """Seconds from one encoded frame to the next."""
    at = []
    for _ in range(ENCODES + 1):
        count = len(process.told.encoded)
        wait(process, lambda count=count: len(process.told.encoded) > count)
        at.append(perf_counter())
    return np.diff(at).tolist()


def _click(process: InferenceProcess, question: PromptQuestion) -> float:
    """Seconds until the answer is there."""
    answers: list[Segmentation] = []
    start = perf_counter()
    process.ask(question, answers.append)
    wait(process, lambda: answers)
    return perf_counter() - start


def _figure(what: str, rounds: Rounds, goal: Goal) -> Figure:
    quiet, busy = ([one for turn in rounds for one in turn[kind]] for kind in (0, 1))
    each = [_p90(under) / median(alone) for alone, under in rounds]
    milliseconds = {
        "quiet median ms": 1000 * median(quiet),
        "quiet p90 ms": 1000 * _p90(quiet),
        "busy median ms": 1000 * median(busy),
        "busy p90 ms": 1000 * _p90(busy),
    }
    how = f"wall time of {len(busy)} beside one busy process over {len(quiet)} without"
    return replace(spread(_p90(busy) / median(quiet), each, goal, f"{what}: {how}"), parts=milliseconds)


def _p90(seconds: Sequence[float]) -> float:
    return float(np.quantile(seconds, 0.9))
