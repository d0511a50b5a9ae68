"""The one pair of functions between pixels of a frame and RAS, the patient coordinates of Slicer in mm.

Pixels are (x right, y down) of the full frame, centers at whole numbers. The axial view of Slicer has R to the left and
A up, so that i runs to the right and j down where IJK to RAS is ``diag(-sx, -sy, 1)`` with the origin at 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from echoapex.cine import FloatArray
from echoapex.errors import EchoApexError

UNSCALED = (1.0, 1.0)
"""Spacing ``(y, x)`` where there is no scale: one unit of RAS is then one pixel, not one millimeter."""


def ijkToRas(mmPerPx: tuple[float, float] | None) -> FloatArray:
    """The matrix ``[4, 4]`` of a cine's frames from their spacing ``(y, x)`` in mm, or in pixels where it is None."""
    y, x = mmPerPx or UNSCALED
    return np.diag([-x, -y, 1.0, 1.0])


def rasFromPixels(pixels: ArrayLike, matrix: ArrayLike) -> FloatArray:
    """RAS ``[..., 3]`` of pixels ``[..., 2]`` (x, y) in the plane k = 0.

    ``matrix`` is IJK to RAS ``[4, 4]``; it may hold parent transforms, as long as they are linear. NaN stays NaN.
    """
    points = np.asarray(pixels, np.float64)
    transform = np.asarray(matrix, np.float64)
    return np.asarray(points @ transform[:3, :2].T + transform[:3, 3])


def pixelsFromRas(ras: ArrayLike, matrix: ArrayLike) -> FloatArray:
    """Pixels ``[..., 2]`` (x, y) of RAS points ``[..., 3]``; what lies off the plane is dropped onto it along k.

    ``matrix`` is as in `rasFromPixels`; raises `numpy.linalg.LinAlgError` where it cannot be inverted.
    """
    inverse = np.linalg.inv(np.asarray(matrix, np.float64))
    points = np.asarray(ras, np.float64)
    return np.asarray(points @ inverse[:2, :3].T + inverse[:2, 3])


def ijkToRasOf(volume: Any) -> FloatArray:
    """IJK to RAS ``[4, 4]`` of a volume node, without the transforms above it."""
    import vtk

    found = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(found)
    return _array(found)


def ijkToWorldOf(volume: Any) -> FloatArray:
    """IJK to RAS ``[4, 4]`` of a volume node as it is shown, with the transforms above it.

    Raises `EchoApexError` where one of them is not linear.
    """
    import vtk

    parent = volume.GetParentTransformNode()
    if parent is None:
        return ijkToRasOf(volume)
    if not parent.IsTransformToWorldLinear():
        rule = "A cine can be worked on below linear transforms only: harden or remove the other one"
        raise EchoApexError(rule, value=parent.GetName())
    above = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(above)
    return _array(above) @ ijkToRasOf(volume)


def _array(matrix: Any) -> FloatArray:
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
