"""Between NumPy and VTK images of one slice."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoapex.cine import FloatArray


def fillImage(image: Any, frame: NDArray[np.uint8]) -> Any:
    """Puts ``frame`` into a ``vtkImageData`` as its one slice, copied; gives the image back.

    It is ``uint8 [H, W]``, or ``[H, W, 3]`` of RGB.
    """
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    image.SetDimensions(frame.shape[1], frame.shape[0], 1)
    flat = np.ascontiguousarray(frame).reshape(-1, *frame.shape[2:])
    image.GetPointData().SetScalars(numpy_to_vtk(flat, deep=True, array_type=vtk.VTK_UNSIGNED_CHAR))
    return image


def frameOfImage(image: Any) -> NDArray[Any]:
    """The one slice of a ``vtkImageData`` as an array ``[H, W]``; it shares the image's memory."""
    from vtk.util.numpy_support import vtk_to_numpy

    x0, x1, y0, y1, _, _ = image.GetExtent()
    return np.asarray(vtk_to_numpy(image.GetPointData().GetScalars())).reshape(y1 - y0 + 1, x1 - x0 + 1)


def vtkMatrix(matrix: FloatArray) -> Any:
    """A ``vtkMatrix4x4`` of ``matrix`` ``[4, 4]``."""
    import vtk

    result = vtk.vtkMatrix4x4()
    result.DeepCopy(matrix.ravel().tolist())
    return result
