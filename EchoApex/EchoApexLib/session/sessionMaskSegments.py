"""The masks of a session as a sequence of segmentations: every frame has every structure, empty where absent.

The segmentation that is shown is the very item of its frame, so that what is drawn is in the sequence at once.
"""

from __future__ import annotations

from typing import Any

from echoapex.cine import BoolMask, Cine, FloatArray
from echoapex.errors import EchoApexError, PromptError
from echoapex.session.frame_entries import Entry, PackedMask, Status
from echoapex.structures import find_structure, structures

from ..nodes.vtkImages import fillImage, vtkMatrix
from ..sequences.cineSequence import addToBrowser, indexLike, valuesOfSequence
from ..sequences.segmentationSequence import LABELMAP, maskOf, newSegment, setReferenceGeometry, showSegmentation

MASKS = "EchoApex.Masks"
"""Role under which a browser refers to the masks of its session."""

CONFIDENCE_TAG = "EchoApex.Confidence"
"""Tag of a segment with the predicted Dice of its mask."""

STRUCTURE_TAG = "EchoApex.Structure"
"""Tag of a segment that a session made: its structure."""

Look = tuple[str, tuple[float, float, float]]
Stamp = tuple[tuple[str, Look, int, int], ...]


class MaskSequence:
    """The segmentations of the frames of ``cine`` in step with ``browser``, made or found again.

    ``matrix`` is IJK to RAS of the frames, ``[4, 4]``. A segment has the identifier of its structure. Raises
    `EchoApexError` where what is found does not fit the cine.
    """

    def __init__(self, scene: Any, browser: Any, cine: Cine, matrix: FloatArray) -> None:
        self._shape = (cine.rows, cine.columns)
        self._blank = PackedMask(self._shape, None, b"")
        self._matrix = vtkMatrix(matrix)
        found = browser.GetNodeReference(MASKS)
        self.sequence = self._make(scene, browser, cine) if found is None else found
        if self.sequence.GetNumberOfDataNodes() != cine.frame_count:
            count = f"{self.sequence.GetNumberOfDataNodes()} for {cine.frame_count}"
            raise EchoApexError("The masks in this scene do not fit their cine", value=f"{count} frames")
        self._items = [self.sequence.GetNthDataNode(frame) for frame in range(cine.frame_count)]
        self._looks: dict[str, Look] = {}
        self._written: dict[tuple[int, str], PackedMask] = {}
        self._stamps: dict[int, Stamp] = {}
        for structure in filter(self._isStructure, self.identifiers(0)):
            self.add(structure)
        if found is None:
            for frame in range(cine.frame_count):
                self.settle(frame)
        self.proxy = browser.GetProxyNode(self.sequence) or self._show(browser)

    def _show(self, browser: Any) -> Any:
        volume, proxy = browser.GetProxyNode(browser.GetMasterSequenceNode()), addToBrowser(browser, self.sequence)
        # Before the geometry is taken over: it is that of the volume below the transforms of both.
        proxy.SetAndObserveTransformNodeID(volume.GetTransformNodeID())
        showSegmentation(proxy, volume)
        return proxy

    def _make(self, scene: Any, browser: Any, cine: Cine) -> Any:
        import slicer

        sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", f"{browser.GetName()} masks")
        indexLike(sequence, browser.GetMasterSequenceNode())
        grid = slicer.vtkOrientedImageData()
        grid.SetExtent(0, cine.columns - 1, 0, cine.rows - 1, 0, 0)
        grid.SetGeometryFromImageToWorldMatrix(self._matrix)
        for value in valuesOfSequence(browser.GetMasterSequenceNode()):
            item = slicer.vtkMRMLSegmentationNode()
            item.GetSegmentation().SetSourceRepresentationName(LABELMAP)
            setReferenceGeometry(item.GetSegmentation(), grid)
            sequence.SetDataNodeAtValue(item, value)
        browser.SetNodeReferenceID(MASKS, sequence.GetID())
        return sequence

    def _isStructure(self, identifier: str) -> bool:
        return _tag(self.segment(0, identifier), STRUCTURE_TAG) == identifier

    @property
    def structures(self) -> tuple[str, ...]:
        """The structures that have a segment, in the order in which they came."""
        return tuple(self._looks)

    def identifiers(self, frame: int) -> tuple[str, ...]:
        """The segments of a frame, those that are none of `structures` among them."""
        segmentation = self._items[frame].GetSegmentation()
        return tuple(segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments()))

    def segment(self, frame: int, identifier: str) -> Any:
        """The ``vtkSegment`` of a frame; None where there is none."""
        return self._items[frame].GetSegmentation().GetSegment(identifier)

    def add(self, structure: str) -> None:
        """Gives every frame a segment for ``structure`` where there is none yet."""
        for frame in range(len(self._items)):
            if self.segment(frame, structure) is None:
                untouched = not self.touched(frame)
                self._addEmpty(frame, structure)
                if untouched:
                    self.settle(frame)
        self._looks.setdefault(structure, _look(self.segment(0, structure)))

    def _addEmpty(self, frame: int, structure: str) -> None:
        import slicer

        name, color = self._looks.get(structure, _look(newSegment(structure)))
        segmentation = self._items[frame].GetSegmentation()
        if not segmentation.AddEmptySegment(structure, name, color):
            raise EchoApexError("Slicer could not add a segment", value=f"{structure}, frame {frame}")
        segment = self.segment(frame, structure)
        segment.SetTag(STRUCTURE_TAG, structure)
        segmentation.ReorderSegments([name for name in self._looks if segmentation.GetSegment(name)])
        if structure in structures():
            segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), structures()[structure].terminology)

    def write(self, frame: int, structure: str, entry: Entry) -> None:
        """Puts mask, status and confidence of ``entry`` into a frame; what is shown follows."""
        mask, untouched = entry.mask or self._blank, not self.touched(frame)
        if mask != self.read(frame, structure):
            self.draw(frame, structure, mask)
        self._written[frame, structure] = mask
        self._tell(self.segment(frame, structure), entry)
        if untouched:
            self.settle(frame)

    def expect(self, frame: int, structure: str, entry: Entry) -> None:
        """Takes the mask of ``entry`` for what was written into a frame: another one there has been drawn."""
        self._written[frame, structure] = entry.mask or self._blank
        self._tell(self.segment(frame, structure), entry)

    def draw(self, frame: int, structure: str, mask: PackedMask) -> None:
        """Draws a mask as a hand would: it differs from what was written until then."""
        import slicer

        logic = slicer.vtkSlicerSegmentationsModuleLogic
        if mask.window is None:
            logic.ClearSegment(self._items[frame], structure)
            return
        image = windowImage(mask, self._matrix)
        if not logic.SetBinaryLabelmapToSegment(image, self._items[frame], structure):
            raise EchoApexError("Slicer could not draw this mask", value=f"{structure}, frame {frame}")

    @staticmethod
    def _tell(segment: Any, entry: Entry) -> None:
        import slicer

        logic = slicer.vtkSlicerSegmentationsModuleLogic
        done = {Status.EMPTY: logic.NotStarted, Status.ACCEPTED: logic.Completed, Status.FLAGGED: logic.Flagged}
        logic.SetSegmentStatus(segment, done.get(entry.status, logic.InProgress))
        if entry.confidence is None:
            segment.RemoveTag(CONFIDENCE_TAG)
        else:
            segment.SetTag(CONFIDENCE_TAG, f"{entry.confidence:.4f}")

    def read(self, frame: int, identifier: str) -> PackedMask:
        """The mask that a frame holds."""
        return PackedMask.of(self.mask(frame, identifier))

    def mask(self, frame: int, identifier: str) -> BoolMask:
        """The mask that a frame holds, ``bool [H, W]``."""
        return maskOf(self._items[frame].GetSegmentation(), identifier, self._shape)

    def drawn(self, frame: int) -> dict[str, PackedMask]:
        """The masks of a frame that differ from what was written there, by structure; their segments must exist."""
        found = {name: self.read(frame, name) for name in self._looks}
        return {name: mask for name, mask in found.items() if mask != self._written.get((frame, name), self._blank)}

    def touched(self, frame: int) -> bool:
        """Whether anything in a frame may have changed since it was settled."""
        return self._stamps.get(frame) != self._stamp(frame)

    def settle(self, frame: int) -> None:
        """Takes a frame as it is for unchanged."""
        self._stamps[frame] = self._stamp(frame)

    def _stamp(self, frame: int) -> Stamp:
        segmentation = self._items[frame].GetSegmentation()
        return tuple(_stampOf(name, segmentation.GetSegment(name)) for name in self.identifiers(frame))

    def remove(self, frame: int, identifier: str) -> None:
        """Removes a segment from one frame."""
        self._items[frame].GetSegmentation().RemoveSegment(identifier)

    def spreadLooks(self, frame: int) -> None:
        """Gives every frame the names and colors that the structures have in this one."""
        for structure, look in self._looks.items():
            found = _look(self.segment(frame, structure))
            if found != look:
                self._setLook(structure, found)

    def rename(self, structure: str, name: str) -> None:
        """Calls a structure so in every frame."""
        self._setLook(structure, (name, self._looks[structure][1]))

    def _setLook(self, structure: str, look: Look) -> None:
        self._looks[structure] = look
        for frame in range(len(self._items)):
            untouched, segment = not self.touched(frame), self.segment(frame, structure)
            if segment is not None:
                segment.SetName(look[0])
                segment.SetColor(*look[1])
            if untouched:
                self.settle(frame)


def windowImage(mask: PackedMask, matrix: Any) -> Any:
    """The pixels of ``mask`` inside its window as a ``vtkOrientedImageData`` in its place; not for an empty mask."""
    import slicer

    x0, y0, x1, y1 = mask.window or (0, 0, -1, -1)
    image = fillImage(slicer.vtkOrientedImageData(), mask.unpacked()[y0 : y1 + 1, x0 : x1 + 1].view("uint8"))
    image.SetExtent(x0, x1, y0, y1, 0, 0)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    return image


def structureNamed(segment: Any) -> str | None:
    """The structure that a segment made by hand is by its terminology or its name; None where it is none."""
    import slicer

    entry = _tag(segment, slicer.vtkSegment.GetTerminologyEntryTagName())
    coded = next((item.id for item in structures().values() if item.terminology == entry), None)
    try:
        return coded or find_structure(segment.GetName()).id
    except PromptError:
        return None


def _tag(segment: Any, name: str) -> str:
    import vtk

    value = vtk.reference("")
    segment.GetTag(name, value)
    return str(value)


def _look(segment: Any) -> Look:
    red, green, blue = segment.GetColor()
    return segment.GetName(), (red, green, blue)


def _stampOf(identifier: str, segment: Any) -> tuple[str, Look, int, int]:
    image = segment.GetRepresentation(LABELMAP)
    return identifier, _look(segment), segment.GetLabelValue(), -1 if image is None else image.GetMTime()
