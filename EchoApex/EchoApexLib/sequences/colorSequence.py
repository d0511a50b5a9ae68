"""The colors of a cine as a second sequence in step with its gray one, for showing alone.

The gray sequence stays the master: what is outlined and measured is so in its frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoapex.cine import Cine

from ..nodes.coordinates import UNSCALED
from ..nodes.vtkImages import fillImage
from .cineSequence import Steps, indexValues, newSequence, placeFrame, showLevels

COLORS = "EchoApex.Colors"
"""Role under which a browser refers to the sequence of the colors of its cine."""

SHOWN_IN_COLOR = "EchoApex.ShownInColor"
"""Attribute of a browser whose cine somebody wants to see in color."""


def colorSequenceSteps(name: str, cine: Cine) -> Steps:
    """A ``vtkMRMLSequenceNode``, in no scene yet, with an RGB volume for each frame, made frame by frame.

    Its value is None for a cine without ``color_frames``.
    """
    if cine.color_frames is None:
        return None
    sequence = newSequence(name, cine)
    for value, frame in zip(indexValues(cine), cine.color_frames, strict=True):
        sequence.SetDataNodeAtValue(_volume(frame, cine.scale.mm_per_px or UNSCALED), value)
        yield
    return sequence


def _volume(frame: NDArray[np.uint8], mmPerPx: tuple[float, float]) -> Any:
    import slicer
    import vtk

    volume = slicer.vtkMRMLVectorVolumeNode()
    volume.SetVoxelVectorType(volume.VoxelVectorTypeColorRGB)
    volume.SetAndObserveImageData(fillImage(vtk.vtkImageData(), frame))
    return placeFrame(volume, mmPerPx)


def addColors(browser: Any, sequence: Any) -> None:
    """Steps ``sequence``, the colors of its cine, with ``browser``; nothing changes them but a scale by hand."""
    browser.AddSynchronizedSequenceNode(sequence)
    browser.SetSaveChanges(sequence, False)
    browser.SetNodeReferenceID(COLORS, sequence.GetID())
    showLevels(browser.GetProxyNode(sequence))


def grayVolumeOf(browser: Any) -> Any:
    """The node that shows the current gray frame of the cine of ``browser``; None where its images are gone."""
    return browser.GetProxyNode(browser.GetMasterSequenceNode())


def colorVolumeOf(browser: Any) -> Any:
    """The node that shows the current frame in color; None for a cine without colors."""
    sequence = browser.GetNodeReference(COLORS)
    return None if sequence is None else browser.GetProxyNode(sequence)


def shownVolumeOf(browser: Any) -> Any:
    """The node that stands for the cine in a view: in color where that is wanted and there is any, else in gray."""
    wanted = browser.GetAttribute(SHOWN_IN_COLOR) is not None
    return (colorVolumeOf(browser) if wanted else None) or grayVolumeOf(browser)


def whyNoColor(browser: Any) -> str:
    """Why the cine of ``browser``, or None, cannot be shown in color, in a sentence; empty where it can."""
    if browser is None:
        return "No cine that EchoApex has opened is shown."
    if colorVolumeOf(browser) is not None:
        return ""
    known = "its file shows none in the ultrasound picture, or its frames in color are too many"
    return f"This cine has no color: {known}, or its scene was written without."
