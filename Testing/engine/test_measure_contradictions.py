"""Outlines that no heart can have are not measured, a picture on its head waits to be turned, and true hearts stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from io_writers import dicom, save
from numpy.typing import NDArray
from report_cases import simulated, true_masks, true_result

from echoapex.analysis.clip_analysis import ClipResult, analyze_clip, measure_clip
from echoapex.analysis.clip_view import FoundView
from echoapex.analysis.orientation_notes import MIRRORED, TURNED, orientation_notes
from echoapex.analysis.unusable_clips import why_unusable
from echoapex.cine import BoolMask, Cine, Flip, FrameTimes, Sector, TimeSource
from echoapex.inference.segmentation import Segmentation
from echoapex.io import find_sector, read_cine
from echoapex.io.fan_orientation import seen_turned
from echoapex.io.frame_likeness import MOST_DISORDER, disorder, find_cut
from echoapex.io.sector_detection import probe_at_top
from echoapex.measure.contradictions import area_contradicts
from echoapex.measure.measurement import Beat

Masks = dict[str, Segmentation]


def turned_around(cine: Cine) -> Cine:
    """The clip with its rows in reverse, as some laboratories display apical views."""
    return replace(cine, frames=cine.frames[:, ::-1], sector=Sector.from_mask(cine.sector.mask[::-1], "motion"))


def with_masks(**changed: NDArray[np.bool_]) -> ClipResult:
    """The simulated A4C with some of its true outlines exchanged for others."""
    masks: Masks = dict(true_masks("A4C"))
    for name, mask in changed.items():
        masks[name] = Segmentation(mask, masks[name].confidence)
    return measure_clip(simulated("A4C").cine(), "clip", "A4C", masks)


def true(name: str) -> BoolMask:
    return np.array(true_masks("A4C")[name].masks)


def test_true_outlines_do_not_contradict_themselves() -> None:
    result = true_result("A4C")
    assert result.lv is not None and result.atrium is not None and not result.not_measured
    assert probe_at_top(result.cine.sector) is True


def test_a_shape_that_is_no_fan_does_not_tell_where_the_probe_is() -> None:
    assert probe_at_top(Sector.whole_frame(90, 120)) is None
    assert probe_at_top(Sector.from_mask(simulated("A4C").cine().sector.mask[::-1], "motion")) is False
    assert probe_at_top(Sector.from_mask(np.eye(1, 9, dtype=bool), "motion")) is None


class Unasked:
    """An observer that must not be asked."""

    def view(self) -> None:
        raise AssertionError

    def outlines(self, names: object) -> Masks:
        raise AssertionError

    def landmarks(self) -> None:
        raise AssertionError


@pytest.mark.parametrize("view", ["A4C", "PLAX"])
def test_a_clip_that_may_stand_on_its_head_is_not_outlined_until_it_is_turned(view: str) -> None:
    cine = turned_around(simulated("A4C").cine())
    unsure = replace(cine, sector=Sector.from_mask(pear(cine.sector.mask), "motion"))
    by_the_user = simulated("A4C").cine().turned(Flip.VERTICAL)
    for clip in (unsure, by_the_user):
        assert probe_at_top(clip.sector) is False and not seen_turned(clip)
        result = analyze_clip(Unasked(), ("LV", "LA"), clip, "clip", FoundView(view))
        assert not result.measurements and not result.segmentations and result.refusal is None
        assert "stands on its head" in str(result.not_measured[0]) and "FILE=both" in str(result.not_measured[0])


def pear(mask: BoolMask) -> BoolMask:
    """Something wide above and narrow below that is no fan."""
    rows, columns = mask.shape
    y, x = np.mgrid[:rows, :columns]
    head = np.hypot(x - columns / 2, y - rows / 4) < rows / 4.2
    stalk = (np.abs(x - columns / 2) < rows / 30) & (y > rows / 4) & (y < 0.95 * rows)
    return np.asarray(head | stalk)


@pytest.mark.parametrize("flip", [Flip.VERTICAL, Flip.BOTH])
def test_a_file_that_shows_a_clip_on_its_head_says_so_and_can_be_turned(tmp_path: Path, flip: Flip) -> None:
    frames = simulated("A4C").cine().turned(flip).frames
    path = save(dicom(frames, FrameTime=30), tmp_path / "clip.dcm")
    cine = read_cine(path)
    assert any("stands on its head" in text for text in cine.warnings)
    assert seen_turned(cine)
    again = cine.turned(flip)
    assert np.array_equal(again.frames, simulated("A4C").cine().frames) and again.flip is flip
    assert probe_at_top(again.sector) is True and np.array_equal(again.sector.mask, turned_mask(cine, flip))
    assert not seen_turned(again)


class TruthUpsideDown(Unasked):
    """Sees the truth in an A4C clip on its head, in the pixels of the file."""

    def outlines(self, names: object) -> Masks:
        return {name: Segmentation(item.masks[:, ::-1], item.confidence) for name, item in true_masks("A4C").items()}


def test_a_clip_on_its_head_is_measured_in_its_own_pixels_with_a_note() -> None:
    cine = turned_around(simulated("A4C").cine())
    result = analyze_clip(TruthUpsideDown(), ("LV", "LA"), cine, "clip", FoundView("A4C"))
    right = {item.name: item.value for item in true_result("A4C").measurements if item.method == "A4C"}
    found = {item.name: item.value for item in result.measurements if item.method == "A4C"}
    assert found["LVEF"] == pytest.approx(right["LVEF"], abs=1.0)
    assert np.array_equal(result.segmentations["LV"].masks, true("LV")[:, ::-1])
    assert np.array_equal(result.cine.frames, cine.frames)
    assert TURNED in result.warnings and TURNED not in true_result("A4C").warnings


def test_left_and_right_exchanged_is_told() -> None:
    side = np.zeros((3, 40, 60), bool)
    left, right = side.copy(), side.copy()
    left[:, 10:30, 8:20], right[:, 10:30, 30:50] = True, True
    outlines = [Segmentation(mask, np.ones(3)) for mask in (left, right, side)]
    cine = simulated("A4C").cine()

    def notes(view: str, lv: int, rv: int) -> list[str]:
        return list(orientation_notes(cine, view, {"LV": outlines[lv], "RV": outlines[rv]}))

    assert notes("A4C", 1, 0) == notes("A4C", 0, 2) == notes("A2C", 0, 1) == []
    assert notes("A4C", 0, 1) == [MIRRORED]


def turned_mask(cine: Cine, flip: Flip) -> BoolMask:
    return np.flip(cine.sector.mask, 0 if flip is Flip.VERTICAL else (0, 1))


@pytest.mark.parametrize("turns", [1, 3])
def test_a_clip_on_its_side_is_said_and_not_outlined(tmp_path: Path, turns: int) -> None:
    frames = np.rot90(simulated("A4C").cine().frames, turns, axes=(1, 2))
    cine = read_cine(save(dicom(np.ascontiguousarray(frames), FrameTime=30), tmp_path / "clip.dcm"))
    assert any("lies on its side" in text for text in cine.warnings)
    result = analyze_clip(Unasked(), ("LV", "LA"), cine, "clip", FoundView("PLAX"))
    assert "lies on its side" in str(result.not_measured[0]) and not result.measurements


def test_two_clips_in_one_are_not_measured_as_one() -> None:
    cine, other = simulated("A4C").cine(), simulated("PLAX").cine()
    half = min(cine.frame_count, other.frame_count) // 2
    frames = np.concatenate([cine.frames[:half], other.frames[:half]])
    joined = replace(cine, frames=frames, times=FrameTimes(np.arange(len(frames)) * 0.03, TimeSource.FRAME_TIME))
    result = analyze_clip(Unasked(), ("LV", "LA"), joined, "clip", FoundView("A4C"))
    assert f"frame {half}" in str(result.not_measured[0]) and not result.measurements


@pytest.mark.parametrize("view", ["A4C", "PLAX"])
@pytest.mark.parametrize("step", [1, 4])
def test_a_clip_of_few_frames_a_second_is_one_clip(view: str, step: int) -> None:
    assert find_cut(np.tile(simulated(view).cine().frames[::step], (3, 1, 1))[:40]) is None


@pytest.mark.parametrize("view", ["A4C", "A2C", "PLAX"])
@pytest.mark.parametrize("step", [1, 2])
def test_a_clip_is_in_order_and_shuffled_it_is_not(view: str, step: int) -> None:
    frames = simulated(view).cine().frames[::step]
    assert disorder(frames) < MOST_DISORDER < disorder(np.random.default_rng(3).permutation(frames))
    assert disorder(frames[:7]) == disorder(np.repeat(frames[:1], 20, axis=0)) == 0


def test_nothing_is_measured_in_frames_out_of_order() -> None:
    cine = simulated("A4C").cine()
    refusal = why_unusable(replace(cine, frames=np.random.default_rng(3).permutation(cine.frames)), "A4C", "")
    assert "out of order" in str(refusal) and why_unusable(cine, "A4C", "") is None


def test_a_mirrored_clip_stays_as_it_is(tmp_path: Path) -> None:
    frames = simulated("A4C").cine().turned(Flip.HORIZONTAL).frames
    cine = read_cine(save(dicom(frames, FrameTime=30), tmp_path / "clip.dcm"))
    assert not cine.warnings and probe_at_top(find_sector(frames)) is True


def test_outlines_by_hand_are_measured_on_a_clip_on_its_head() -> None:
    masks = {name: Segmentation(item.masks[:, ::-1], item.confidence) for name, item in true_masks("A4C").items()}
    result = measure_clip(turned_around(simulated("A4C").cine()), "clip", "A4C", masks)
    right = {item.name: item.value for item in true_result("A4C").measurements if item.method == "A4C"}
    found = {item.name: item.value for item in result.measurements if item.method == "A4C"}
    assert found["LVEF"] == pytest.approx(right["LVEF"], abs=1.0)


def contradiction(result: ClipResult, word: str) -> None:
    assert result.lv is None and result.atrium is None and not result.measurements and result.segmentations
    (reason,) = result.not_measured
    assert "contradict" in str(reason) and word in str(reason)


def test_exchanged_chambers_are_the_wrong_way_up() -> None:
    contradiction(with_masks(LV=true("LA"), LA=true("LV")), "nearer to the probe")


def test_chambers_that_do_not_touch_are_not_measured() -> None:
    far = np.zeros_like(true("LA"))
    far[:, -8:, :9] = True
    contradiction(with_masks(LA=far), "do not touch")


def test_a_ventricle_far_from_its_myocardium_is_not_measured() -> None:
    far = np.zeros_like(true("LV_MYO"))
    far[:, -8:, :9] = True
    contradiction(with_masks(LV_MYO=far), "its myocardium do not touch")


def test_a_wall_that_is_found_in_part_only_takes_nothing_from_the_ventricle() -> None:
    """Where the picture drops out a model finds one wall: the cavity beside it may be right all the same."""
    one_side = true("LV_MYO")
    columns = np.flatnonzero(true("LV").any(axis=(0, 1)))
    one_side[:, :, int(columns.mean()) :] = False
    result = with_masks(LV_MYO=one_side)
    assert result.lv is not None and not result.not_measured


def test_a_ventricle_that_vanishes_in_systole_has_no_volume() -> None:
    (beat, *_) = true_result("A4C").beats
    gone = true("LV")
    gone[beat.ed + 1 : beat.es] = False
    contradiction(with_masks(LV=gone), "vanishes")


def test_an_outline_that_jumps_between_structures_is_not_measured() -> None:
    (beat, *_) = true_result("A4C").beats
    jumping = true("LV")
    rows = np.cumsum(jumping.sum(axis=2)[:, ::-1], axis=1)[:, ::-1]
    small = jumping & (rows < 0.2 * jumping.sum(axis=(1, 2))[:, None])[:, :, None]
    jumping[beat.es :] = small[beat.es :]
    contradiction(with_masks(LV=jumping), "between two frames")


def test_a_lone_wrong_frame_is_left_to_the_search_for_beats() -> None:
    areas = np.array([100.0, 98, 95, 20, 85, 80, 76, 72, 70, 80])
    times = FrameTimes.unknown("none")
    assert not list(area_contradicts(areas, [Beat(0, 8)], times))
    areas[5] = np.nan
    assert not list(area_contradicts(areas, [Beat(0, 8)], times))
    assert not list(area_contradicts(np.array([np.nan, 9.0]), [], times))


@pytest.mark.parametrize("certainty", [0.0, 0.64])
def test_nothing_is_outlined_where_the_sector_was_not_found_surely(certainty: float) -> None:
    cine = simulated("A4C").cine()
    cine = replace(cine, sector=replace(cine.sector, source="motion", certainty=certainty))
    result = analyze_clip(Unasked(), ("LV", "LA"), cine, "clip", FoundView("A4C"))
    assert not result.segmentations
    assert "not found surely enough" in str(result.not_measured[0]) and str(certainty) in str(result.not_measured[0])
