"""A session in a Slicer scene: what it marks is shown in step with the cine, what is drawn there becomes its edits.

The session (`SessionState`) is the record, the scene a view of it. Nothing here asks a model: whoever does takes the
answer into the session and has its change written (`SessionScene.write`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakSet

import numpy as np

from echoapex.cine import BoolMask
from echoapex.errors import EchoApexError
from echoapex.inference.segmentation import Segmentation
from echoapex.session.frame_entries import EMPTY, Entry, Key, PackedMask
from echoapex.session.state import SessionState
from echoapex.session.undo_history import Change
from echoapex.structures import PROMPTED

from ..nodes.coordinates import ijkToRasOf, ijkToWorldOf, pixelsFromRas, rasFromPixels
from ..nodes.observers import Observers
from ..nodes.vtkImages import vtkMatrix
from ..record.raters import sign
from ..sequences.cineSequence import tellSources
from ..sliceView.hiddenMillimeters import hideRuler, restoreRuler
from .maskPreview import MaskPreview
from .sessionMaskSegments import MaskSequence, structureNamed
from .sessionPrompts import PromptSequences
from .sessionSaveAndRestore import SessionRecord

Pixel = tuple[float, float]
Ras = tuple[float, float, float]

_open: WeakSet[SessionScene] = WeakSet()


def openSession(browser: Any) -> SessionScene | None:
    """The session that is at work on the cine of ``browser``; None where none is."""
    return next((one for one in _open if not one.closed and one.browser is browser), None)


def _ignore(_change: Change) -> None:
    """What is called for an edit where nobody wants to know."""


class SessionScene:
    """Shows ``state`` in the ``scene`` of ``browser``, which plays its cine, until `close` or until the scene closes.

    What an earlier session left there for this cine is taken on. ``onEdited`` is called for each edit that was read
    from the scene, ``onProblem`` with a sentence for what went wrong where no caller could be told. Raises
    `EchoApexError` where browser and session are of different cines; so do all methods once it is closed.
    """

    def __init__(
        self,
        scene: Any,
        browser: Any,
        state: SessionState,
        onEdited: Callable[[Change], None] = _ignore,
        onProblem: Callable[[str], None] = logging.warning,
    ) -> None:
        self.scene, self.browser, self.state = scene, browser, state
        self._onEdited, self._onProblem = onEdited, onProblem
        self.closed = False
        self._prompted: str | None = None
        self._unread: dict[int, list[str]] = {}
        self._frame = int(browser.GetSelectedItemNumber())
        self._addNodes()
        self._observers = Observers(onProblem)
        self._observe()
        _open.add(self)

    def _addNodes(self) -> None:
        sequence = _matching(self.browser, self.state)
        self.volume = self.browser.GetProxyNode(sequence)
        matrix = ijkToRasOf(sequence.GetNthDataNode(0))
        self._matrix = vtkMatrix(matrix)
        self._masks = MaskSequence(self.scene, self.browser, self.state.cine, matrix)
        self._prompts = PromptSequences(self.scene, self.browser, matrix)
        self._record = SessionRecord(self.scene, self.browser, self.state)
        self._preview = MaskPreview(self.scene)
        self._nodes = (self.browser, sequence, self.volume, self._masks.sequence, self._masks.proxy, self._record.node)
        self._nodes += (*self._prompts.sequences.values(), *self._prompts.proxies.values())
        self._followTransform()
        tellSources(sequence, self.state.cine)
        if not self.state.cine.scale.known:
            hideRuler(self.scene, self.browser)
        for structure in self._masks.structures:
            for frame in range(self.state.cine.frame_count):
                self._masks.expect(frame, structure, self.state.entry(frame, structure))
        for structure in self.state.structures:
            self.addStructure(structure)

    def _observe(self) -> None:
        import slicer

        add, scene = self._observers.add, self.scene
        add(self.browser, "ModifiedEvent", self._onBrowser)
        add(self.volume, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._followTransform)
        add(scene, scene.NodeRemovedEvent, self._onRemoved, data="object")
        add(scene, scene.StartSaveEvent, self._onSave)
        add(scene, scene.StartCloseEvent, self._drop)

    @property
    def frame(self) -> int:
        """The number of the frame that is shown."""
        self._checkOpen()
        return int(self.browser.GetSelectedItemNumber())

    def show(self, frame: int) -> None:
        """Shows a frame. Raises `PromptError` for one that the cine has not."""
        self._checkOpen()
        self.state.cine.check_frame(frame)
        self.browser.SetSelectedItemNumber(frame)

    @property
    def segmentation(self) -> Any:
        """The ``vtkMRMLSegmentationNode`` that shows the masks of the current frame, for the Segment Editor."""
        self._checkOpen()
        return self._masks.proxy

    @property
    def structures(self) -> tuple[str, ...]:
        """The structures that have a segment, in the order in which they came."""
        self._checkOpen()
        return self._masks.structures

    def addStructure(self, structure: str) -> None:
        """Gives every frame a segment for ``structure``, with what the session has for it."""
        if structure in self.structures:
            return
        self._masks.add(structure)
        for frame in range(self.state.cine.frame_count):
            # Where the session has nothing, what somebody has drawn there is yet to be read.
            if (entry := self.state.entry(frame, structure)) != EMPTY:
                self._masks.write(frame, structure, entry)

    def segmentIdOf(self, structure: str) -> str:
        """The identifier of the segment of ``structure``. Raises `EchoApexError` where it has none."""
        if structure not in self.structures:
            raise EchoApexError("This structure has no segment yet: add it first", value=structure)
        return structure

    def nameOf(self, structure: str) -> str:
        """What ``structure`` is called on the screen."""
        return str(self._masks.segment(self.frame, self.segmentIdOf(structure)).GetName())

    def rename(self, structure: str, name: str) -> None:
        """Calls ``structure`` so on every frame; its identifier stays."""
        self._checkOpen()
        self._masks.rename(self.segmentIdOf(structure), name)

    def visible(self, structure: str) -> bool:
        """Whether the outline of ``structure`` is shown."""
        return bool(self.segmentation.GetDisplayNode().GetSegmentVisibility(self.segmentIdOf(structure)))

    def setVisible(self, structure: str, visible: bool) -> None:
        """Shows or hides the outline of ``structure`` on all frames."""
        self.segmentation.GetDisplayNode().SetSegmentVisibility(self.segmentIdOf(structure), visible)

    def write(self, change: Change) -> None:
        """Shows what ``change`` has changed in the session: masks, status, prompts; and records it.

        What was drawn on these frames and not read yet is not lost: it becomes an edit that comes after ``change``.
        """
        self._checkOpen()
        sign(self.browser, self.state.rater)
        self._readBefore(change)
        self._put(change)

    def tell(self, change: Change) -> None:
        """As `write`, for a change of somebody else than who works on the cine, who is told of it."""
        self.write(change)
        self._onEdited(change)

    def takeFound(self, structure: str, found: Segmentation | None) -> None:
        """Shows what an analysis has found where no person has said anything (`SessionState.take_found`).

        It is a step that can be undone. Raises `EchoApexError` where it does not fit the cine.
        """
        self.readEdits()
        change = self.state.take_found(structure, found)
        if change.frames:
            self._readBefore(change)
            self._put(change)
            self._onEdited(change)

    def takeByHand(self, entries: Mapping[Key, Entry]) -> None:
        """Shows masks that persons had drawn, prompted or accepted elsewhere (`SessionState.take_by_hand`)."""
        for change in self.state.take_by_hand(entries):
            self._readBefore(change)
            self._put(change)
            self._onEdited(change)

    def _readBefore(self, change: Change) -> None:
        self.addStructure(change.structure)
        for frame in change.frames:
            if self._masks.touched(frame):
                self._read(frame)

    def _put(self, change: Change) -> None:
        for frame in change.frames:
            self._masks.write(frame, change.structure, self.state.entry(frame, change.structure))
        self._record.update(change)
        if change.structure == self._prompted:
            self._drawPrompts(change.frames)

    @property
    def unread(self) -> tuple[str, ...]:
        """Names of segments made by hand that are no structure, or one that there is already: they stay untouched."""
        return tuple(dict.fromkeys(name for names in self._unread.values() for name in names))

    def readEdits(self) -> list[Change]:
        """Takes what was drawn in the scene into the session, and gives the changes.

        What the session refuses (a frame is accepted) is put back, and said by ``onProblem``.
        """
        self._checkOpen()
        touched = [frame for frame in range(self.state.cine.frame_count) if self._masks.touched(frame)]
        return [change for frame in touched for change in self._read(frame)]

    def _read(self, frame: int) -> list[Change]:
        self._putBack(frame)
        self._adopt(frame)
        self._masks.spreadLooks(frame)
        drawn = self._masks.drawn(frame)
        self._masks.settle(frame)
        changes = [self._edit(frame, structure, mask) for structure, mask in drawn.items()]
        return [change for change in changes if change is not None]

    def _edit(self, frame: int, structure: str, mask: PackedMask) -> Change | None:
        try:
            change = self.state.edit(frame, mask.unpacked(), structure)
        except EchoApexError as refusal:
            self._masks.write(frame, structure, self.state.entry(frame, structure))
            self._onProblem(str(refusal))
            return None
        sign(self.browser, self.state.rater)
        self._put(change)
        self._onEdited(change)
        return change

    def _putBack(self, frame: int) -> None:
        """Puts segments back that were removed by hand, and says so: masks are cleared in the session, to be undone."""
        for structure in self._masks.structures:
            if self._masks.segment(frame, structure) is None:
                self._masks.add(structure)
                self._masks.write(frame, structure, self.state.entry(frame, structure))
                rule = "A structure cannot be removed from one frame: its segment is put back, clear its mask instead"
                self._onProblem(str(EchoApexError(rule, value=f"{structure}, frame {frame}")))

    def _adopt(self, frame: int) -> None:
        """Segments that were added by hand become the structures that they are named for."""
        self._unread.pop(frame, None)
        for identifier in self._masks.identifiers(frame):
            if identifier in self._masks.structures:
                continue
            segment = self._masks.segment(frame, identifier)
            structure = structureNamed(segment)
            if structure is None or structure in self._masks.structures:
                self._tellUnread(frame, segment.GetName())
            else:
                self._replace(frame, identifier, structure)

    def _tellUnread(self, frame: int, name: str) -> None:
        """Says once of each segment that what is drawn in it is not taken over."""
        known = self.unread
        self._unread.setdefault(frame, []).append(name)
        if name not in known:
            rule = "A segment that was added is no structure, and stays as it is: name it as one, or draw in that one"
            self._onProblem(str(EchoApexError(rule, value=f"{name}, frame {frame}")))

    def _replace(self, frame: int, identifier: str, structure: str) -> None:
        mask = self._masks.read(frame, identifier)
        if identifier != structure:
            self._masks.remove(frame, identifier)
        self.addStructure(structure)
        self._masks.draw(frame, structure, mask)

    def preview(self, mask: BoolMask | None, structure: str = PROMPTED) -> None:
        """Shows the outline of ``mask`` ``bool [H, W]`` on the current frame only, until None or another frame."""
        if mask is None and self.closed:
            return
        self._checkOpen()
        if mask is None:
            self._preview.remove()
        else:
            parent = self.volume.GetTransformNodeID()
            self._preview.show(PackedMask.of(mask), structure, self._matrix, parent)

    def showPrompts(self, structure: str | None = PROMPTED) -> None:
        """Shows the prompts given for ``structure``, on every frame its own; none where it is None."""
        self._checkOpen()
        self._prompted = structure
        self._drawPrompts(range(self.state.cine.frame_count))

    def _drawPrompts(self, frames: Any) -> None:
        entries = {} if self._prompted is None else {frame: self.state.entry(frame, self._prompted) for frame in frames}
        prompts = {frame: [given.prompt for given in entry.prompts] for frame, entry in entries.items()}
        self._prompts.show(prompts, frames)

    def pixelOf(self, ras: Ras) -> Pixel:
        """The pixel ``(x, y)`` of a point of the world in mm; raises `EchoApexError` below a non-linear transform."""
        self._checkOpen()
        try:
            x, y = pixelsFromRas(ras, ijkToWorldOf(self.volume))
        except np.linalg.LinAlgError:
            name = self.volume.GetParentTransformNode().GetName()
            raise EchoApexError("The transform above this cine cannot be inverted", value=name) from None
        return float(x), float(y)

    def rasOf(self, pixel: Pixel) -> Ras:
        """The point of the world in mm of a pixel ``(x, y)``; raises as `pixelOf`."""
        self._checkOpen()
        r, a, s = rasFromPixels(pixel, ijkToWorldOf(self.volume))
        return float(r), float(a), float(s)

    def saveRecord(self) -> None:
        """Brings the text node of the session up to date; `write` does, so that this costs nothing as a rule."""
        self._checkOpen()
        self._record.save()

    def close(self) -> None:
        """Reads what was drawn last, records it, and lets go of the scene; a second time it does nothing."""
        if not self.closed:
            self.readEdits()
            self.saveRecord()
            self._drop()

    def _drop(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._observers.clear()
        self._preview.remove()
        restoreRuler(self.scene, self.browser)
        del self.scene, self.browser, self.volume
        del self._masks, self._prompts, self._record, self._preview, self._nodes

    def _checkOpen(self) -> None:
        if self.closed:
            raise EchoApexError("This session is closed, or its scene is: open its cine again")

    def _followTransform(self) -> None:
        parent = self.volume.GetTransformNodeID()
        for node in (self._masks.proxy, *self._prompts.proxies.values()):
            if node.GetTransformNodeID() != parent:
                node.SetAndObserveTransformNodeID(parent)

    def _onBrowser(self) -> None:
        missing = self._lost()
        if missing:
            self._lose(missing)
            return
        left, self._frame = self._frame, int(self.browser.GetSelectedItemNumber())
        if left != self._frame:
            self._preview.remove()
            if self._masks.touched(left):
                self._read(left)

    def _lost(self) -> str:
        sequences = (self._masks.sequence, *self._prompts.sequences.values())
        if self.browser.GetProxyNode(self.browser.GetMasterSequenceNode()) is not self.volume:
            return "the images"
        return next((node.GetName() for node in sequences if self.browser.GetProxyNode(node) is None), "")

    def _lose(self, name: str) -> None:
        self._drop()
        rule = "The session was closed, since something it shows was removed from the scene. Open its cine again"
        self._onProblem(str(EchoApexError(rule, value=name)))

    def _onRemoved(self, node: Any) -> None:
        if node in self._nodes:
            self._lose(node.GetName())

    def _onSave(self) -> None:
        self.readEdits()
        self.saveRecord()


def _matching(browser: Any, state: SessionState) -> Any:
    """The sequence of images of ``browser``, which must be those of the cine of ``state``."""
    sequence, cine = browser.GetMasterSequenceNode(), state.cine
    count = 0 if sequence is None else sequence.GetNumberOfDataNodes()
    image = sequence.GetNthDataNode(0).GetImageData() if count else None
    found = (count, *(image.GetDimensions()[1::-1] if image else ()))
    if found != cine.frames.shape:
        rule = "The session is of another cine than this browser plays"
        raise EchoApexError(rule, value=f"{found} for {cine.frames.shape}")
    return sequence
