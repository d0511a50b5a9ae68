"""One cine in a scene: opened by EchoApex, or brought there by Slicer itself, and the `Cine` of either."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoapex.cine import Cine, FrameTimes, Scale, TimeSource
from echoapex.errors import EchoApexError, ReadError
from echoapex.io.color_to_gray import luminance, sample_colors
from echoapex.io.sector_detection import find_sector
from echoapex.models.model_card import UNKNOWN

from ..nodes.coordinates import ijkToRasOf
from ..record.clipRecords import cineOfRecord, clipRecord
from ..record.recordSaving import CLIP, RECORD, addRecord, recordOf
from ..record.studyContents import SceneClip
from ..sequences.cineSequence import (
    Steps,
    addBrowser,
    cineSequenceSteps,
    finished,
    framesOfSequence,
    secondsOfSequence,
    spacingOfSequence,
)
from ..sequences.colorSequence import addColors, colorSequenceSteps

_NO_SCALE = "Slicer's image does not say where its spacing comes from"
_NO_TIMES = "Slicer's sequence numbers its frames and has no times"
_SECONDS = {"s": 1.0, "ms": 1e-3}


def openCine(scene: Any, cine: Cine, name: str = "Cine") -> Any:
    """Puts ``cine`` into ``scene``; gives its browser, from which `cineOf` makes the same cine again.

    The nodes are called ``name``, with a number where that is taken, and "(simulated)" if so: a file's name must not
    go into a scene. Frames go in as they are, in color, too, where the cine has its ``color_frames``; pass
    `Cine.masked_frames` and `Cine.masked_color_frames` where text outside the sector must not.
    """
    return finished(openCineSteps(scene, cine, name))


def openCineSteps(scene: Any, cine: Cine, name: str = "Cine") -> Steps:
    """As `openCine`, frame by frame."""
    sequence = yield from cineSequenceSteps("", cine)
    colors = yield from colorSequenceSteps("", cine)
    # A name that is free by now.
    title = scene.GenerateUniqueName(f"{name} (simulated)" if cine.simulated else name)
    sequence.SetName(f"{title} cine")
    browser = addBrowser(scene, title, scene.AddNode(sequence), cine)
    if colors is not None:
        colors.SetName(f"{title} colors")
        addColors(browser, scene.AddNode(colors))
    record = clipRecord(SceneClip(title, cine, cine.view or UNKNOWN, {}))
    browser.SetNodeReferenceID(RECORD, addRecord(scene, f"{title} record", CLIP, record).GetID())
    return browser


def mayBeCine(browser: Any) -> bool:
    """Whether a sequence browser can be one of a cine: it has a record of EchoApex, or images of one slice."""
    if browser.GetNodeReference(RECORD) is not None:
        return True
    sequence = browser.GetMasterSequenceNode()
    first = sequence.GetNthDataNode(0) if sequence is not None and sequence.GetNumberOfDataNodes() else None
    image = first.GetImageData() if first is not None and first.IsA("vtkMRMLScalarVolumeNode") else None
    return image is not None and bool(image.GetDimensions()[2] == 1)


def cineOf(browser: Any) -> Cine:
    """The cine of a ``browser``: to the last digit for one that EchoApex made, else as `cineOfSequence` says.

    Path, warnings and names of identifying fields are not in a scene. Raises `ReadError` for a damaged record.
    """
    node = browser.GetNodeReference(RECORD)
    if node is None:
        return cineOfSequence(browser)
    sequence, record = _cineSequence(browser), recordOf(node)
    try:
        frames, spacing = framesOfSequence(sequence), spacingOfSequence(sequence)
        return cineOfRecord(record, frames, secondsOfSequence(sequence), spacing)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        found = f"{node.GetName()}: {type(error).__name__} {error}"
        raise ReadError("A cine of this scene or its record is damaged", value=found) from error


def _cineSequence(browser: Any) -> Any:
    sequence = browser.GetMasterSequenceNode()
    if sequence is None or sequence.GetNumberOfDataNodes() == 0:
        raise EchoApexError("This sequence browser has no images", value=browser.GetName())
    return sequence


def cineOfSequence(browser: Any) -> Cine:
    """The cine of a ``browser`` that Slicer or another extension made, of gray or RGB images of one slice.

    There is no scale: an image of Slicer does not say where its spacing comes from. Times are those of the index where
    it is in s or ms. Raises `EchoApexError` for anything but one slice of one size and place, and for values beyond 0
    to 255, which are never rescaled.
    """
    from echoapex.serving.shared_memory import stacked

    sequence = _cineSequence(browser)
    volumes = [sequence.GetNthDataNode(item) for item in range(sequence.GetNumberOfDataNodes())]
    _checkGeometry(volumes, sequence.GetName())
    stored = np.stack([_stored(volume) for volume in volumes])
    values = _eightBits(stored, sequence.GetName())
    colored = values.ndim == 4
    frames = stacked([*(luminance(values) if colored else values)])
    sector = find_sector(frames)
    color = colored and sample_colors(values).colored(sector.mask)
    return Cine(frames, _times(sequence), Scale.none(_NO_SCALE), sector, color=color)


def _checkGeometry(volumes: list[Any], name: str) -> None:
    for volume in volumes:
        image = volume.GetImageData() if volume.IsA("vtkMRMLScalarVolumeNode") else None
        if image is None:
            raise EchoApexError("A cine must be a sequence of images", value=f"{name}: {volume.GetClassName()}")
        if image.GetDimensions()[2] != 1:
            raise EchoApexError("A cine must have one slice a frame", value=f"{name}: {image.GetDimensions()[2]}")
    first = volumes[0]
    for volume in volumes:
        same = volume.GetImageData().GetDimensions() == first.GetImageData().GetDimensions()
        if not same or not np.allclose(ijkToRasOf(volume), ijkToRasOf(first)):
            raise EchoApexError("All frames of a cine must have one size and place", value=name)


def _stored(volume: Any) -> NDArray[Any]:
    """The values of a volume of one slice, ``[H, W]``, or ``[H, W, 3]`` of RGB."""
    from vtk.util.numpy_support import vtk_to_numpy

    columns, rows, _ = volume.GetImageData().GetDimensions()
    values = np.asarray(vtk_to_numpy(volume.GetImageData().GetPointData().GetScalars()))
    channels = 1 if values.ndim == 1 else values.shape[1]
    if channels not in (1, 3):
        raise EchoApexError("The images of a cine must be gray or RGB", value=f"{channels} channels")
    return values.reshape((rows, columns) if channels == 1 else (rows, columns, channels))


def _eightBits(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 255) or not np.array_equal(values, np.rint(values)):
        rule = "The images of a cine must hold whole numbers from 0 to 255: convert them first"
        raise EchoApexError(rule, value=f"{name}: {values.dtype}, {low} to {high}")
    return values.astype(np.uint8)


def _times(sequence: Any) -> FrameTimes:
    factor = _SECONDS.get(sequence.GetIndexUnit() or "")
    if factor is None or sequence.GetIndexType() != sequence.NumericIndex:
        return FrameTimes.unknown(_NO_TIMES)
    index = [float(sequence.GetNthIndexValue(item)) for item in range(sequence.GetNumberOfDataNodes())]
    seconds = np.array(index) * factor
    return FrameTimes(seconds - seconds[0], TimeSource.CONTAINER)
