"""A cine as a sequence of scalar volumes of one slice, with its true times and scale, and the browser that plays it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoapex.cine import Cine, FloatArray, FrameTimes, ImageStack, Scale

from ..nodes.coordinates import UNSCALED
from ..nodes.vtkImages import fillImage, frameOfImage

SCALE_ATTRIBUTE, TIMES_ATTRIBUTE = "EchoApex.Scale", "EchoApex.FrameTimes"
"""Attributes of the sequence of a cine that say where scale and times come from, or why they are unknown."""

Steps = Generator[None, None, Any]
"""Work on a scene that may pause after each frame, since a window must not wait; its value is what was made."""

_LEVELS = 255.0
_TOLERANCE_S = 0.001  # Slicer's own; frames of an ultrafast cine lie closer


def addCineSequence(scene: Any, name: str, cine: Cine) -> Any:
    """A ``vtkMRMLSequenceNode`` with a scalar volume for each frame of ``cine``; index ``time`` in s, or ``frame``.

    Spacing is the scale of the cine. Without one it is 1, which is a pixel and no millimeter, and the attribute
    `SCALE_ATTRIBUTE` says so.
    """
    return scene.AddNode(finished(cineSequenceSteps(name, cine)))


def cineSequenceSteps(name: str, cine: Cine) -> Steps:
    """The sequence of `addCineSequence`, made frame by frame and in no scene yet."""
    sequence = newSequence(name, cine)
    tellSources(sequence, cine)
    for value, frame in zip(indexValues(cine), cine.frames, strict=True):
        sequence.SetDataNodeAtValue(_volume(frame, cine.scale.mm_per_px or UNSCALED), value)
        yield
    return sequence


def newSequence(name: str, cine: Cine) -> Any:
    """An empty ``vtkMRMLSequenceNode``, in no scene yet, with the index of ``cine``."""
    import slicer

    sequence = slicer.vtkMRMLSequenceNode()
    sequence.SetName(name)
    setIndex(sequence, cine.times)
    return sequence


def finished(steps: Steps) -> Any:
    """Does all ``steps`` at once; what comes of them."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def tellSources(sequence: Any, cine: Cine) -> None:
    """Says in attributes of the sequence of ``cine`` where its scale and times come from, or why they are unknown."""
    times = cine.times
    tellScale(sequence, cine.scale)
    sequence.SetAttribute(TIMES_ATTRIBUTE, str(times.source) if times.known else f"unknown: {times.reason}")


def tellScale(sequence: Any, scale: Scale) -> None:
    """Says in an attribute of the sequence of a cine where its scale comes from, or why it is unknown."""
    sequence.SetAttribute(SCALE_ATTRIBUTE, str(scale.source) if scale.known else f"unknown, in pixels: {scale.reason}")


def setIndex(sequence: Any, times: FrameTimes) -> None:
    """Names the index of a sequence that belongs to a cine: ``time`` in s where times are known, else ``frame``."""
    sequence.SetIndexTypeFromString("numeric")
    sequence.SetIndexName("time" if times.known else "frame")
    sequence.SetIndexUnit("s" if times.known else "")
    if times.seconds is not None and times.seconds.size > 1:
        sequence.SetNumericIndexValueTolerance(min(_TOLERANCE_S, float(np.diff(times.seconds).min()) / 2))


def indexValues(cine: Cine) -> list[str]:
    """The index of each frame as sequences keep it: its time to the last digit, or its number."""
    if cine.times.seconds is None:
        return [str(frame) for frame in range(cine.frame_count)]
    return [repr(float(second)) for second in cine.times.seconds]


def indexLike(sequence: Any, master: Any) -> None:
    """Gives an empty sequence the index of another one, with which it is to step."""
    sequence.SetIndexType(master.GetIndexType())
    sequence.SetIndexName(master.GetIndexName())
    sequence.SetIndexUnit(master.GetIndexUnit())
    sequence.SetNumericIndexValueTolerance(master.GetNumericIndexValueTolerance())


def valuesOfSequence(sequence: Any) -> list[str]:
    """The index of each item as the sequence keeps it."""
    return [sequence.GetNthIndexValue(item) for item in range(sequence.GetNumberOfDataNodes())]


def _volume(frame: NDArray[np.uint8], mmPerPx: tuple[float, float]) -> Any:
    import slicer
    import vtk

    volume = slicer.vtkMRMLScalarVolumeNode()
    volume.SetAndObserveImageData(fillImage(vtk.vtkImageData(), frame))
    return placeFrame(volume, mmPerPx)


def placeFrame(volume: Any, mmPerPx: tuple[float, float]) -> Any:
    """Puts a volume of one slice where all frames lie, with this spacing ``(y, x)``; gives it back."""
    volume.SetSpacing(mmPerPx[1], mmPerPx[0], 1.0)
    volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    return volume


def addBrowser(scene: Any, name: str, sequence: Any, cine: Cine) -> Any:
    """A ``vtkMRMLSequenceBrowserNode`` over the sequence of ``cine``, played at its true frame rate, in a loop.

    Where that rate is unknown Slicer's default stays, and the attribute `TIMES_ATTRIBUTE` of the sequence says why.
    """
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", name)
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    browser.SetPlaybackLooped(True)
    # Two digits, the default, would show different frames as the same time.
    browser.SetIndexDisplayFormat("%.3f" if cine.times.known else "%.0f")
    if cine.times.frame_rate is not None:
        browser.SetPlaybackRateFps(cine.times.frame_rate)
    showLevels(browser.GetProxyNode(sequence))
    return browser


def showLevels(volume: Any) -> None:
    """Shows all levels of a frame, 0 to 255, as they are."""
    volume.CreateDefaultDisplayNodes()
    display = volume.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(_LEVELS, _LEVELS / 2)


def addToBrowser(browser: Any, sequence: Any) -> Any:
    """Steps ``sequence`` with the cine of ``browser``; gives back its proxy, the node that shows the current frame.

    Edits of the proxy are kept in the frame they are made on. A frame without an item shows an empty node: Slicer's
    default would copy what was shown last into it.
    """
    browser.AddSynchronizedSequenceNode(sequence)
    browser.SetMissingItemMode(sequence, browser.MissingItemSetToDefault)
    browser.SetSaveChanges(sequence, True)
    return browser.GetProxyNode(sequence)


def sequencesWith(browser: Any, dataClass: str | None = None) -> list[Any]:
    """The sequences that ``browser`` steps with its cine, the cine itself left out; those of one class of nodes."""
    import vtk

    found = vtk.vtkCollection()
    browser.GetSynchronizedSequenceNodes(found, False)
    sequences = [found.GetItemAsObject(index) for index in range(found.GetNumberOfItems())]
    return [item for item in sequences if dataClass in (None, item.GetDataNodeClassName())]


def framesOfSequence(sequence: Any) -> ImageStack:
    """The frames ``uint8 [T, H, W]`` of a sequence made by `addCineSequence`, copied; raises as `stacked`."""
    from echoapex.serving.shared_memory import stacked

    nodes = (sequence.GetNthDataNode(item) for item in range(sequence.GetNumberOfDataNodes()))
    return stacked([frameOfImage(node.GetImageData()) for node in nodes])


def secondsOfSequence(sequence: Any) -> FloatArray | None:
    """The time of each item in s ``[T]``; None where the index is no time."""
    if sequence.GetIndexUnit() != "s":
        return None
    return np.array([float(sequence.GetNthIndexValue(item)) for item in range(sequence.GetNumberOfDataNodes())])


def spacingOfSequence(sequence: Any) -> tuple[float, float]:
    """Spacing ``(y, x)`` of the frames: mm, or pixels where `SCALE_ATTRIBUTE` says that the scale is unknown."""
    x, y, _ = sequence.GetNthDataNode(0).GetSpacing()
    return float(y), float(x)
