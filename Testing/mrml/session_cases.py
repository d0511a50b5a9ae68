"""Sessions in scenes for the tests: a model card without a model, masks made by hand, drawing as Slicer does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scene_cases as cases
import slicer

from echoapex.cine import Cine, Sector
from echoapex.inference.segmentation import Segmentation
from echoapex.models.model_card import Architecture, ModelCard, Training
from echoapex.models.preprocessing import Preprocessing
from echoapex.prompts import PointPrompt, Prompt
from echoapex.session.frame_entries import PackedMask
from echoapex.session.state import SessionState
from echoapex.session.undo_history import Change
from EchoApexLib.cine.cineFromBrowser import openCine
from EchoApexLib.nodes.coordinates import ijkToRasOf
from EchoApexLib.nodes.vtkImages import frameOfImage, vtkMatrix
from EchoApexLib.session.sessionMaskSegments import windowImage
from EchoApexLib.session.sessionScene import SessionScene
from EchoApexLib.study.studyInScene import newScene

CARD = ModelCard(
    id="no-model",
    name="A card for tests",
    architecture=Architecture("vit_tiny", 16, 64),
    preprocessing=Preprocessing(64),
    structures=("LV", "LA"),
    training=Training("none", 7, "nothing", "none", 0.0, 0),
    simulated_only=True,
    code_license="Apache-2.0",
    weights_license="Apache-2.0",
    scores={},
    created="2026-01-01T00:00:00+00:00",
    limits="For tests only.",
)


def square(x: int, y: int, size: int = 10, shape: tuple[int, int] = (cases.ROWS, cases.COLUMNS)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[y : y + size, x : x + size] = True
    return mask


@dataclass
class Opened:
    """A session in a scene, with what it told."""

    scene: Any
    browser: Any
    state: SessionState
    edited: list[Change] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = SessionScene(self.scene, self.browser, self.state, self.edited.append, self.problems.append)

    def answer(self, frame: int, mask: np.ndarray, structure: str = "LV", prompt: Prompt | None = None) -> Change:
        """A prompt on ``frame`` that a model answers with ``mask``."""
        asked = prompt or Prompt(points=(PointPrompt(40.0, 20.0),))
        question = self.state.ask(frame, asked, structure)
        change = self.state.take(question, Segmentation(mask[None], np.array([0.75], np.float32)))
        self.session.write(change)
        return change

    def draw(self, mask: np.ndarray, structure: str = "LV") -> None:
        """Draws on the frame that is shown, as the Segment Editor does."""
        draw(self.session.segmentation, self.browser, mask, structure)

    def shown(self, structure: str = "LV") -> np.ndarray:
        """What the screen shows of a structure."""
        node = self.session.segmentation
        image = slicer.vtkOrientedImageData()
        node.GetBinaryLabelmapRepresentation(structure, image)
        mask = np.zeros((self.state.cine.rows, self.state.cine.columns), bool)
        if image.IsEmpty():
            return mask
        x0, x1, y0, y1, _, _ = image.GetExtent()
        mask[y0 : y1 + 1, x0 : x1 + 1] = frameOfImage(image) != 0
        return mask


def draw(node: Any, browser: Any, mask: np.ndarray, identifier: str) -> None:
    """Puts ``mask`` in the place of a segment of a segmentation node."""
    image = image_of(browser, mask)
    assert slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, node, identifier)


def image_of(browser: Any, mask: np.ndarray) -> Any:
    """``mask`` as an image in the place of the frames of ``browser``."""
    matrix = ijkToRasOf(browser.GetMasterSequenceNode().GetNthDataNode(0))
    return windowImage(PackedMask.of(mask), vtkMatrix(matrix))


def open_cine(**facts: Any) -> Cine:
    """A cine with its picture everywhere, so that a click may be anywhere."""
    return replace(cases.make_cine(**facts), sector=Sector.whole_frame(cases.ROWS, cases.COLUMNS))


@contextmanager
def opened(cine: Cine | None = None) -> Iterator[Opened]:
    """A fresh session in a fresh scene."""
    with newScene() as scene:
        chosen = cine or open_cine()
        yield Opened(scene, openCine(scene, chosen), SessionState(CARD, chosen))


def browser_of(scene: Any) -> Any:
    return scene.GetFirstNodeByClass("vtkMRMLSequenceBrowserNode")
