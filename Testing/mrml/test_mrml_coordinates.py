"""Pixels and RAS: the rule written down, its inverse, and what Slicer itself does with a volume of that geometry."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from EchoApexLib.nodes.coordinates import ijkToRas, pixelsFromRas, rasFromPixels

spacings = st.floats(0.01, 10.0)
places = st.floats(-2000.0, 2000.0)


def test_pixels_lie_where_the_contract_says() -> None:
    matrix = ijkToRas((0.5, 0.25))  # y, x
    assert np.array_equal(rasFromPixels([[0, 0], [8, 0], [0, 8]], matrix), [[0, 0, 0], [-2, 0, 0], [0, -4, 0]])


def test_without_a_scale_one_unit_is_one_pixel() -> None:
    assert np.array_equal(rasFromPixels([3.0, 4.0], ijkToRas(None)), [-3.0, -4.0, 0.0])


@given(spacings, spacings, places, places)
def test_there_and_back(sy: float, sx: float, x: float, y: float) -> None:
    matrix = ijkToRas((sy, sx))
    assert np.allclose(pixelsFromRas(rasFromPixels([x, y], matrix), matrix), [x, y], rtol=1e-12, atol=1e-9)


def test_a_parent_transform_in_the_matrix_is_honored() -> None:
    turn = np.array([[0.0, -1, 0, 5], [1, 0, 0, -7], [0, 0, 1, 3], [0, 0, 0, 1]])
    matrix = turn @ ijkToRas((0.5, 0.25))
    assert np.allclose(rasFromPixels([8.0, 2.0], matrix), [6.0, -9.0, 3.0])
    assert np.allclose(pixelsFromRas([6.0, -9.0, 3.0], matrix), [8.0, 2.0])


def test_what_lies_off_the_plane_falls_onto_it() -> None:
    matrix = ijkToRas((0.5, 0.25))
    assert np.allclose(pixelsFromRas([[-2.0, -4.0, 17.0]], matrix), [[8.0, 8.0]])


def test_unknown_points_stay_unknown() -> None:
    matrix = ijkToRas((0.5, 0.25))
    assert np.isnan(rasFromPixels([[np.nan, np.nan]], matrix)[0, :2]).all()
    assert np.isnan(pixelsFromRas([[np.nan] * 3], matrix)).all()


def test_slicer_places_the_pixels_of_a_cine_there() -> None:
    import scene_cases
    import vtk

    from EchoApexLib.sequences.cineSequence import addCineSequence
    from EchoApexLib.study.studyInScene import newScene

    cine = scene_cases.make_cine()
    with newScene() as scene:
        volume = addCineSequence(scene, "cine", cine).GetNthDataNode(2)
        matrix = vtk.vtkMatrix4x4()
        volume.GetIJKToRASMatrix(matrix)
        found = matrix.MultiplyPoint((21, 34, 0, 1))[:3]
        assert volume.GetImageData().GetScalarComponentAsDouble(21, 34, 0, 0) == cine.frames[2, 34, 21]
    assert np.allclose(found, rasFromPixels([21, 34], ijkToRas(cine.scale.mm_per_px)), atol=1e-12)
