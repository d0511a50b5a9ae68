"""The prompts of a session as sequences of markups in step with its cine: a view, locked, of what the session holds.

Only frames with prompts have an item (and the first, without which a sequence has no class of nodes); on the others
Slicer shows an empty list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from echoapex.cine import FloatArray
from echoapex.prompts import Prompt

from ..nodes.coordinates import rasFromPixels
from ..sequences.cineSequence import addToBrowser, indexLike, valuesOfSequence

PROMPTS = "EchoApex.Prompts"
"""Attribute of a sequence of prompts that says which, and start of the role under which a browser refers to it."""

POSITIVE, NEGATIVE, BOX = "positive points", "negative points", "box"
_CLASSES = {
    POSITIVE: "vtkMRMLMarkupsFiducialNode",
    NEGATIVE: "vtkMRMLMarkupsFiducialNode",
    BOX: "vtkMRMLMarkupsClosedCurveNode",
}
_COLORS = {POSITIVE: (0.15, 0.85, 0.35), NEGATIVE: (0.95, 0.25, 0.60), BOX: (1.0, 0.75, 0.15)}  # own choice
_GLYPHS = {POSITIVE: "Circle2D", NEGATIVE: "ThickCross2D", BOX: "Vertex2D"}
_GLYPH_SCALE = {POSITIVE: 2.5, NEGATIVE: 2.5, BOX: 1.0}  # percent of the view (own choice)
_LINE_THICKNESS = 0.6  # of the glyph; Slicer's default is not seen at this size

Pixels = list[tuple[float, float]]


class PromptSequences:
    """Points that add, points that take away, and the box, each in a sequence of its own, made or found again.

    ``matrix`` is IJK to RAS of the frames, ``[4, 4]``.
    """

    def __init__(self, scene: Any, browser: Any, matrix: FloatArray) -> None:
        self._values = valuesOfSequence(browser.GetMasterSequenceNode())
        self._matrix = matrix
        self._browser = browser
        self._filled: dict[str, set[int]] = {}
        self.sequences = {kind: self._sequence(scene, browser, kind) for kind in _CLASSES}
        self.proxies = {kind: self._proxy(kind, sequence) for kind, sequence in self.sequences.items()}

    def _sequence(self, scene: Any, browser: Any, kind: str) -> Any:
        role = f"{PROMPTS}.{kind}"
        sequence = browser.GetNodeReference(role)
        if sequence is None:
            sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", f"{browser.GetName()} {kind}")
            indexLike(sequence, browser.GetMasterSequenceNode())
            sequence.SetAttribute(PROMPTS, kind)
            sequence.SetDataNodeAtValue(self._markups(kind, []), self._values[0])
            browser.SetNodeReferenceID(role, sequence.GetID())
        frameAt = browser.GetMasterSequenceNode().GetItemNumberFromIndexValue
        self._filled[kind] = {frameAt(value) for value in valuesOfSequence(sequence)}
        return sequence

    def _proxy(self, kind: str, sequence: Any) -> Any:
        proxy = self._browser.GetProxyNode(sequence)
        if proxy is None:
            proxy = addToBrowser(self._browser, sequence)
            # Nothing but the session changes them.
            self._browser.SetSaveChanges(sequence, False)
            proxy.CreateDefaultDisplayNodes()
            _style(proxy.GetDisplayNode(), kind)
        return proxy

    def show(self, prompts: Mapping[int, Iterable[Prompt]], frames: Iterable[int]) -> None:
        """Shows ``prompts`` by frame on these ``frames``, and nothing where they have none."""
        for frame in frames:
            given = list(prompts.get(frame, ()))
            points = [point for prompt in given for point in prompt.points]
            self._put(POSITIVE, frame, [(point.x, point.y) for point in points if point.positive])
            self._put(NEGATIVE, frame, [(point.x, point.y) for point in points if not point.positive])
            box = next((prompt.box for prompt in reversed(given) if prompt.box is not None), None)
            self._put(BOX, frame, [] if box is None else _corners(*box))

    def _put(self, kind: str, frame: int, pixels: Pixels) -> None:
        filled, value = self._filled[kind], self._values[frame]
        if pixels or (frame == 0 and frame in filled):
            self.sequences[kind].SetDataNodeAtValue(self._markups(kind, pixels), value)
            filled.add(frame)
        elif frame in filled:
            self.sequences[kind].RemoveDataNodeAtValue(value)
            filled.discard(frame)

    def _markups(self, kind: str, pixels: Pixels) -> Any:
        import slicer

        node = getattr(slicer, _CLASSES[kind])()
        if kind == BOX:
            node.SetCurveTypeToLinear()
        for ras in rasFromPixels(np.array(pixels, np.float64).reshape(-1, 2), self._matrix):
            node.AddControlPoint(*ras.tolist(), "")
        node.SetLocked(True)
        return node


def _style(display: Any, kind: str) -> None:
    display.SetSelectedColor(*_COLORS[kind])
    display.SetColor(*_COLORS[kind])
    display.SetGlyphTypeFromString(_GLYPHS[kind])
    display.SetGlyphScale(_GLYPH_SCALE[kind])
    display.SetLineThickness(_LINE_THICKNESS)
    display.SetPointLabelsVisibility(False)
    display.SetPropertiesLabelVisibility(False)


def _corners(x0: float, y0: float, x1: float, y1: float) -> Pixels:
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
