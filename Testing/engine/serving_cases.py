"""Questions to an inference process and its answers, for the tests of serving."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from echoapex.cine import BoolMask, Cine
from echoapex.evaluation.trials.structure_masks import deepest_click
from echoapex.inference.segmentation import Segmentation
from echoapex.prompts import Prompt
from echoapex.serving import InferenceProcess
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.vendor_looks import TRAINING

PATIENCE_S = 120.0
"""Only so that a test that waits in vain ends."""


@cache
def a_beat() -> SimulatedClip:
    """A small A4C of an easy heart: one for all tests."""
    return simulate_clip(draw_case("easy", 900_105), "A4C", rows=180, columns=240, beats=1.0, sampling=TRAINING)


def wait(process: InferenceProcess, until: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, "waited in vain"
        process.poll()
        time.sleep(0.005)


def ready(process: InferenceProcess, cine: Cine) -> None:
    process.open(cine)
    wait(process, lambda: process.ready)


def answered(process: InferenceProcess, question) -> Segmentation:
    found: list[Segmentation] = []
    refused: list[str] = []
    process.ask(question, found.append, refused.append)
    wait(process, lambda: found or refused)
    assert not refused, refused
    return found[0]


def lv(clip: SimulatedClip, frame: int) -> BoolMask:
    return clip.labels(frame) == Tissue.LV


def click(clip: SimulatedClip, frame: int) -> Prompt:
    return Prompt(points=(deepest_click(lv(clip, frame)),))


def same(one: Segmentation, other: Segmentation) -> None:
    assert np.array_equal(one.masks, other.masks)
    assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


def gone(pid: int) -> None:
    """Waits until the process is."""
    end = time.monotonic() + PATIENCE_S
    while alive(pid):
        assert time.monotonic() < end, "the orphan lives on"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"
