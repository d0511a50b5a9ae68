"""Masks of a cine as one sequence of segmentations in step with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoapex.cine import BoolMask, Cine
from echoapex.errors import EchoApexError
from echoapex.structures import PROMPTED, structures

from ..nodes.coordinates import ijkToRas
from ..nodes.vtkImages import fillImage, frameOfImage, vtkMatrix
from .cineSequence import Steps, finished, indexValues, newSequence

UNNAMED_COLOR = (240, 220, 60)
"""RGB of a mask whose structure is not known by name (own choice)."""

_UNNAMED = "Unnamed"

LABELMAP = "Binary labelmap"
"""Slicer's name of the representation that masks have."""

_FILL_OPACITY = 0.25  # own choice: the tissue stays visible


def titleOf(structure: str) -> str:
    """What a structure is called on screen; one that is only pointed at has no name."""
    return _UNNAMED if structure == PROMPTED else structures()[structure].name


def addSegmentationSequence(scene: Any, name: str, cine: Cine, masks: Mapping[str, BoolMask]) -> Any:
    """A ``vtkMRMLSequenceNode`` with a segmentation for each frame of ``cine``.

    ``masks`` are ``bool [T, H, W]`` by structure. Each frame has the same segments in the same order, empty where there
    is nothing, so that an edit on any frame has its place. Raises `EchoApexError` for masks of another shape than the
    cine.
    """
    return scene.AddNode(finished(segmentationSequenceSteps(name, cine, masks)))


def segmentationSequenceSteps(name: str, cine: Cine, masks: Mapping[str, BoolMask]) -> Steps:
    """The sequence of `addSegmentationSequence`, made frame by frame and in no scene yet. Raises as that."""
    _checkShapes(cine, masks)
    sequence = newSequence(name, cine)
    matrix = vtkMatrix(ijkToRas(cine.scale.mm_per_px))
    names = inOrder(masks)
    for frame, value in enumerate(indexValues(cine)):
        item = _segmentation({name: masks[name][frame] for name in names}, matrix)
        sequence.SetDataNodeAtValue(item, value)
        yield
    return sequence


def _checkShapes(cine: Cine, masks: Mapping[str, BoolMask]) -> None:
    if not masks:
        raise EchoApexError("A sequence of segmentations needs at least one structure")
    for name, stack in masks.items():
        if stack.shape != cine.frames.shape:
            found = f"{stack.shape} of {name} for {cine.frames.shape}"
            raise EchoApexError("Masks must have the shape of their cine, [T, H, W]", value=found)


def inOrder(names: Iterable[str]) -> list[str]:
    """Structures in the order of the terminology, the unknown after them."""
    wanted, known = list(names), list(structures())
    return sorted(wanted, key=lambda name: known.index(name) if name in known else len(known))


def _segmentation(masks: Mapping[str, BoolMask], matrix: Any) -> Any:
    import slicer

    node = slicer.vtkMRMLSegmentationNode()
    segmentation = node.GetSegmentation()
    layers, places = _layers(masks.values())
    images = [_labelmap(layer, matrix) for layer in layers]
    for label, (name, place) in enumerate(zip(masks, places, strict=True), start=1):
        segment = newSegment(name)
        segment.SetLabelValue(label)
        segment.AddRepresentation(LABELMAP, images[place])
        segmentation.AddSegment(segment, name)
    setReferenceGeometry(segmentation, images[0])
    return node


def setReferenceGeometry(segmentation: Any, image: Any) -> None:
    """Tells a ``vtkSegmentation`` the grid on which its masks are drawn, which is that of ``image``."""
    import slicer

    geometry = slicer.vtkSegmentationConverter.SerializeImageGeometry(image)
    role = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    segmentation.SetConversionParameter(role, geometry)


def _layers(masks: Iterable[BoolMask]) -> tuple[list[NDArray[np.uint8]], list[int]]:
    """Label maps ``[H, W]`` in which masks that do not overlap share one, and which of them each mask is in."""
    layers: list[NDArray[np.uint8]] = []
    places = []
    for label, mask in enumerate(masks, start=1):
        place = next((i for i, layer in enumerate(layers) if not layer[mask].any()), len(layers))
        if place == len(layers):
            layers.append(np.zeros(mask.shape, np.uint8))
        layers[place][mask] = label
        places.append(place)
    return layers, places


def _labelmap(layer: NDArray[np.uint8], matrix: Any) -> Any:
    import slicer

    image = fillImage(slicer.vtkOrientedImageData(), layer)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    return image


def newSegment(name: str) -> Any:
    """A ``vtkSegment`` without a mask, with the name, color and terminology of a structure."""
    import slicer

    segment, known = slicer.vtkSegment(), structures().get(name)
    segment.SetName(known.name if known else name)
    segment.SetColor(*(channel / 255.0 for channel in (known.bright if known else UNNAMED_COLOR)))
    if known:
        segment.SetTag(slicer.vtkSegment.GetTerminologyEntryTagName(), known.terminology)
    return segment


def showSegmentation(proxy: Any, volume: Any) -> None:
    """Draws the segmentation of the current frame as outlines with a light fill, and ties it to the ``volume`` shown.

    There is no closed surface: one slice has none.
    """
    proxy.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    proxy.CreateDefaultDisplayNodes()
    display = proxy.GetDisplayNode()
    display.SetPreferredDisplayRepresentationName2D(LABELMAP)
    display.SetOpacity2DFill(_FILL_OPACITY)


def masksOfSequence(sequence: Any, shape: tuple[int, int]) -> dict[str, BoolMask]:
    """Masks ``bool [T, H, W]`` by segment of the first frame, in its order; ``shape`` is ``(H, W)`` of the cine.

    A segment that a frame does not have is empty there.
    """
    items = [sequence.GetNthDataNode(item).GetSegmentation() for item in range(sequence.GetNumberOfDataNodes())]
    names = [items[0].GetNthSegmentID(index) for index in range(items[0].GetNumberOfSegments())]
    return {name: np.stack([maskOf(item, name, shape) for item in items]) for name in names}


def maskOf(segmentation: Any, name: str, shape: tuple[int, int]) -> BoolMask:
    """The mask ``bool [H, W]`` of one segment; empty where there is no such segment."""
    mask = np.zeros(shape, bool)
    segment = segmentation.GetSegment(name)
    image = None if segment is None else segment.GetRepresentation(LABELMAP)
    if image is None or image.IsEmpty():
        return mask
    x0, _, y0, _, _, _ = image.GetExtent()
    found = frameOfImage(image) == segment.GetLabelValue()
    # The Segment Editor may let a label map grow beyond the frame.
    rows, columns = slice(max(y0, 0), y0 + found.shape[0]), slice(max(x0, 0), x0 + found.shape[1])
    inside = mask[rows, columns]
    top, left = max(-y0, 0), max(-x0, 0)
    inside[:] = found[top : top + inside.shape[0], left : left + inside.shape[1]]
    return mask
