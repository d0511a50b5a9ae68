"""A mask that is shown before it is asked for: outlined, in no sequence, never saved."""

from __future__ import annotations

from typing import Any

from echoapex.session.frame_entries import PackedMask

from ..nodes.observers import removeNode
from ..sequences.segmentationSequence import LABELMAP, newSegment
from .sessionMaskSegments import windowImage

_THICKNESS = 2  # pixels of the screen (own choice)


class MaskPreview:
    """A segmentation of its own, which is there only while something is shown."""

    def __init__(self, scene: Any) -> None:
        self._scene = scene
        self.node: Any = None

    def show(self, mask: PackedMask, structure: str, matrix: Any, parent: str | None) -> None:
        """Shows the outline of ``mask`` below the transform ``parent``; ``matrix`` is IJK to RAS (``vtkMatrix4x4``)."""
        if mask.window is None:
            self.remove()
            return
        if self.node is None:
            self.node = self._make()
        segment = newSegment(structure)
        segment.AddRepresentation(LABELMAP, windowImage(mask, matrix))
        segmentation = self.node.GetSegmentation()
        segmentation.RemoveAllSegments()
        segmentation.AddSegment(segment, structure)
        self.node.SetAndObserveTransformNodeID(parent)

    def _make(self) -> Any:
        node = self._scene.AddNewNodeByClass("vtkMRMLSegmentationNode", self._scene.GenerateUniqueName("Preview"))
        node.SetHideFromEditors(True)
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.SetPreferredDisplayRepresentationName2D(LABELMAP)
        display.SetVisibility2DFill(False)
        display.SetSliceIntersectionThickness(_THICKNESS)
        for item in (node, display):
            item.SetSaveWithScene(False)
        return node

    def remove(self) -> None:
        """Shows nothing any more."""
        node, self.node = self.node, None
        if node is not None:
            removeNode(self._scene, node)
