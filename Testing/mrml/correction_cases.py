"""Reports in scenes, who corrects them without a model, and what the next analysis gets to know of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from written_reports import write_report

from echoapex.analysis.clip_corrections import ClipCorrections
from echoapex.analysis.corrections_file import read_corrections
from echoapex.inference.segmentation import Segmentation
from echoapex.models.installed_models import find_model
from echoapex.models.model_card import read_card
from echoapex.prompts import PointPrompt, Prompt
from EchoApexLib.cine.cineFromBrowser import cineOf
from EchoApexLib.record.studyContents import SceneClip
from EchoApexLib.session.sceneController import SceneController
from EchoApexLib.study.gatheredCorrections import CorrectionsOfScene
from EchoApexLib.study.openedReport import OpenedReport
from EchoApexLib.study.reportInScene import ReportInScene
from EchoApexLib.userSettings import UserSettings

CARD = read_card(find_model())


def reported(scene: Any, folder: Path, *clips: SceneClip, **changes: Any) -> ReportInScene:
    folder.mkdir(exist_ok=True)
    return ReportInScene(scene, OpenedReport(write_report(folder, *clips, **changes)))


def gathered(scene: Any, browser: Any, rater: str = "") -> ClipCorrections | None:
    """What the next analysis gets to know about the clip of a browser."""
    path = CorrectionsOfScene(scene, lambda: UserSettings(rater=rater)).write()
    if path is None:
        return None
    try:
        return read_corrections(path).of(cineOf(browser), CARD)
    finally:
        path.unlink()


def worker(scene: Any, rater: str = "") -> SceneController:
    """Who works in EchoApexSegment, without a model."""
    said = UserSettings(rater=rater)
    found = SceneController(
        scene, lambda: None, lambda text: None, settings=lambda: said, startProcess=lambda model, said: None
    )
    found.process = _NoProcess()
    return found


class _NoProcess:
    """In the place of the inference process: nothing is asked here."""

    def open(self, *_: Any) -> None: ...

    def close(self) -> None: ...


def prompted(bench: SceneController, frame: int, mask: np.ndarray) -> None:
    """A click on a frame that a model answers with ``mask``."""
    state = bench.current.state
    question = state.ask(frame, Prompt(points=(PointPrompt(40.0, 20.0),)), "LV")
    bench.current._take(question, Segmentation(mask[None], np.array([0.75], np.float32)))
