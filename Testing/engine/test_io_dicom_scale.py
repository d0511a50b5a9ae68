"""The scale of DICOM clips: what regions and PixelSpacing are believed for, and why not."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from io_writers import ECG_REGION, dicom, fan, real, region, save

from echoapex.cine import Cine, ScaleSource
from echoapex.io import read_cine
from echoapex.io.dicom_regions import find_scale, image_boxes


def read(tmp_path: Path, **tags: Any) -> Cine:
    return read_cine(save(dicom(**tags), tmp_path / "clip.dcm"))


def with_regions(tmp_path: Path, *items: pydicom.Dataset, **tags: Any) -> Cine:
    return read(tmp_path, SequenceOfUltrasoundRegions=pydicom.Sequence(items), **tags)


def test_the_full_real_cine_has_its_scale() -> None:
    cine = read_cine(real("color3d_jpeg_baseline.dcm"))
    assert cine.scale.source is ScaleSource.DICOM_REGION
    assert cine.scale.mm_per_px == pytest.approx((0.5105, 0.5105), abs=5e-5)


def test_the_cropped_real_cine_is_refused_a_scale() -> None:
    cine = read_cine(Path(pydicom.examples.get_path("ybr_color")))
    assert not cine.scale.known
    assert "beyond the 320 x 240 image" in cine.scale.reason


def test_tissue_and_ecg_regions_give_the_scale_of_the_tissue(tmp_path: Path) -> None:
    cine = with_regions(tmp_path, region(**ECG_REGION), region(RegionLocationMaxY1=79))
    assert cine.scale.mm_per_px == pytest.approx((0.5, 0.5))
    assert cine.sector.box[3] <= 79


def test_unequal_and_negative_deltas(tmp_path: Path) -> None:
    scale = with_regions(tmp_path, region(PhysicalDeltaX=0.03, PhysicalDeltaY=-0.04)).scale
    assert scale.mm_per_px == pytest.approx((0.4, 0.3))


def test_a_region_may_end_on_the_first_pixel_outside(tmp_path: Path) -> None:
    cine = with_regions(tmp_path, region(RegionLocationMaxX1=128, RegionLocationMaxY1=96))
    assert cine.scale.known
    assert read_cine(real("OBXXXX1A_2frame.dcm")).scale.mm_per_px == pytest.approx((0.262288, 0.262288), abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"PhysicalDeltaX": math.nan}, "nan"),
        ({"PhysicalDeltaY": 0.0}, "0 "),
        ({"PhysicalDeltaX": math.inf}, "inf"),
        ({"PhysicalDeltaX": 5.0}, "50"),
        ({"PhysicalUnitsXDirection": 4}, "not in centimeters"),
        ({"RegionLocationMaxX1": 300}, "beyond"),
        ({"RegionLocationMinX0": 90, "RegionLocationMaxX1": 20}, "empty"),
        ({"RegionLocationMaxX1": 0, "RegionLocationMaxY1": 0}, "empty"),
    ],
)
def test_a_region_that_cannot_be_is_refused_with_its_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    cine = with_regions(tmp_path, region(**changes), PixelSpacing=[0.3, 0.3])
    assert not cine.scale.known
    assert reason in cine.scale.reason


def test_two_images_of_one_scale_share_it_and_the_sector(tmp_path: Path) -> None:
    both = np.concatenate([fan(columns=64), fan(columns=64)], axis=2)
    halves = region(RegionLocationMaxX1=63), region(RegionLocationMinX0=64)
    cine = with_regions(tmp_path, *halves, pixels=both)
    assert cine.scale.mm_per_px == pytest.approx((0.5, 0.5))
    assert cine.sector.mask[:, :64].any()
    assert cine.sector.mask[:, 64:].any()
    assert cine.image_count == 2
    assert any("side by side" in warning for warning in cine.warnings)


def test_two_images_of_different_scale_are_refused_one(tmp_path: Path) -> None:
    halves = region(RegionLocationMaxX1=63), region(RegionLocationMinX0=64, PhysicalDeltaX=0.06)
    scale = with_regions(tmp_path, *halves).scale
    assert not scale.known
    assert "different scales" in scale.reason


def test_a_flow_region_inside_the_tissue_does_not_count_as_a_second_image(tmp_path: Path) -> None:
    flow = region(
        RegionDataType=2, RegionLocationMinX0=40, RegionLocationMinY0=30, RegionLocationMaxX1=80, RegionLocationMaxY1=60
    )
    cine = with_regions(tmp_path, region(), flow)
    assert cine.scale.known
    assert cine.image_count == 1
    assert not any("side by side" in warning for warning in cine.warnings)


def test_a_flow_region_alone_gives_the_scale(tmp_path: Path) -> None:
    assert with_regions(tmp_path, region(RegionDataType=2)).scale.mm_per_px == pytest.approx((0.5, 0.5))


def test_pixel_spacing_where_there_is_no_region(tmp_path: Path) -> None:
    scale = read(tmp_path, PixelSpacing=[0.4, 0.3]).scale
    assert scale.source is ScaleSource.PIXEL_SPACING
    assert scale.mm_per_px == pytest.approx((0.4, 0.3))


@pytest.mark.parametrize("spacing", [[0, 0], [1, 1], [-0.3, 0.3], [80, 80]])
def test_a_pixel_spacing_that_says_nothing_is_refused(tmp_path: Path, spacing: list[float]) -> None:
    scale = read(tmp_path, PixelSpacing=spacing).scale
    assert not scale.known
    assert "PixelSpacing" in scale.reason


def test_no_scale_at_all_has_its_reason(tmp_path: Path) -> None:
    assert "neither" in read(tmp_path).scale.reason


@settings(max_examples=80, deadline=None)
@given(
    corners=st.tuples(*[st.integers(0, 400)] * 4),
    deltas=st.tuples(st.floats(), st.floats()),
    kinds=st.tuples(st.integers(0, 6), st.integers(0, 18)),
)
def test_any_region_gives_a_sound_scale_or_a_reason(
    corners: tuple[int, ...], deltas: tuple[float, float], kinds: tuple[int, int]
) -> None:
    names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    changes = dict(zip(names, corners, strict=True), PhysicalDeltaX=deltas[0], PhysicalDeltaY=deltas[1])
    header = pydicom.Dataset()
    header.Rows, header.Columns = 200, 300
    item = region(RegionSpatialFormat=kinds[0], RegionDataType=kinds[1], **changes)
    header.SequenceOfUltrasoundRegions = pydicom.Sequence([item])
    scale = find_scale(header)
    assert scale.reason or scale.mm_per_px == pytest.approx((10 * abs(deltas[1]), 10 * abs(deltas[0])))
    for x0, y0, x1, y1 in image_boxes(header):
        assert 0 <= x0 <= x1 < 300
        assert 0 <= y0 <= y1 < 200


def test_a_region_beside_what_moves_gives_no_scale(tmp_path: Path) -> None:
    twice = fan(4, 192, 256)
    corner = region(RegionLocationMaxX1=127, RegionLocationMaxY1=95)
    path = save(dicom(twice, SequenceOfUltrasoundRegions=pydicom.Sequence([corner])), tmp_path / "a.dcm")
    cine = read_cine(path)
    assert not cine.scale.known
    assert "outside of the header's ultrasound regions" in cine.scale.reason
    assert cine.sector.box[3] > 96


def test_what_moves_in_a_region_of_another_kind_is_no_doubt(tmp_path: Path) -> None:
    trace = region(**{**ECG_REGION, "RegionLocationMinY0": 30})
    assert with_regions(tmp_path, trace, region(RegionLocationMaxY1=29)).scale.known
