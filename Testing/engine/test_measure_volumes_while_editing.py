"""ED, ES and EF while outlines still come in, and with both set by hand."""

from __future__ import annotations

import numpy as np
import pytest
from measure_phantoms import cine_masks, volume_curve

from echoapex.cine import Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from echoapex.errors import MeasureError
from echoapex.measure.measurement import Beat, Source
from echoapex.measure.single_plane_ef import lv_shapes, measure_lv, measure_shapes
from echoapex.measure.volumes_while_editing import Phases, measure_outlines, measure_phases

MM = (0.8, 0.8)
FRAMES = 46


def cine_of(masks, seconds, scale=None):
    frames = np.zeros(masks.shape, np.uint8)
    times = FrameTimes(np.asarray(seconds, float), TimeSource.FRAME_TIME)
    known = scale or Scale(MM, ScaleSource.DICOM_REGION)
    return Cine(frames, times, known, Sector.whole_frame(*frames.shape[1:]), simulated=True)


@pytest.fixture(scope="module")
def clip():
    """One beat and the systole of the next: EDV 130 mL, EF 58 %."""
    volumes, seconds = volume_curve(FRAMES, rate_hz=30.0, start_phase=0.85, edv=130, ef=58)
    return cine_masks(volumes, mm_per_px=MM), seconds


def measured(masks, seconds, *, view="A4C", scale=None, by_hand=None, la=None, confidence=None):
    cine = cine_of(masks, seconds, scale)
    return measure_phases(
        "c", view, measure_outlines(cine, view, masks, la), cine, by_hand=by_hand, confidence=confidence
    )


def without(masks, *frames):
    left = masks.copy()
    left[list(frames)] = False
    return left


def value(result, name, method="A4C"):
    return next(item for item in result.measurements if (item.name, item.method) == (name, method))


def test_with_all_outlines_the_numbers_are_those_of_a_study(clip):
    masks, seconds = clip
    cine = cine_of(masks, seconds)
    study = measure_lv("c", "A4C", masks, scale=cine.scale, times=cine.times)
    found = measured(masks, seconds)
    assert found.reason == "" and found.beats == study.beats
    assert found.phases == Phases(study.beats[0].ed, study.beats[0].es)
    assert {(item.name, item.method, item.sources) for item in found.measurements} == {
        (item.name, item.method, item.sources) for item in study.measurements
    }
    for ours, theirs in zip(found.measurements, study.measurements, strict=True):
        assert ours.value == pytest.approx(theirs.value, rel=1e-9)
    assert value(found, "LVEF").value == pytest.approx(58, abs=1.5)


def test_the_curve_of_a_window_is_that_of_the_whole_frame(clip):
    masks, seconds = clip
    few = masks[::9]
    cine = cine_of(few, seconds[::9])
    shapes, _ = lv_shapes(few, None, MM)
    assert measure_outlines(cine, "A4C", few).sizes == pytest.approx([shape.disk_volume for shape in shapes], rel=1e-9)


def test_an_atrium_gives_its_volume_and_the_base(clip):
    masks, seconds = clip
    y, x = np.mgrid[: masks.shape[1], : masks.shape[2]]
    rows = np.flatnonzero(masks.any(axis=(0, 2)))
    columns = np.flatnonzero(masks.any(axis=(0, 1)))
    below = (y - rows[-1] - 14) ** 2 / 20**2 + (x - columns.mean()) ** 2 / 18**2 < 1
    la = below & ~masks
    found = measured(masks, seconds, la=la, confidence={"LA": np.full(FRAMES, 0.7), "LV": np.full(FRAMES, 0.9)})
    assert value(found, "LAV").confidence == pytest.approx(0.7)
    assert value(found, "LVEF").confidence == pytest.approx(0.9)
    assert value(found, "LAV").unit == "mL" and value(found, "LAV").value > 0


def test_ef_needs_all_frames_from_ed_to_es(clip):
    masks, seconds = clip
    first, *others = measured(masks, seconds).beats
    inner = range(first.ed + 2, first.es - 2)
    gaps = [*inner, *(frame for beat in others for frame in range(beat.ed + 2, beat.es - 1))]
    found = measured(without(masks, *gaps), seconds)
    assert found.reason == f"EF needs all frames from ED to ES; {len(gaps)} of {FRAMES} have no outline"
    assert found.phases == Phases() and found.beats == ()
    assert not [item for item in found.measurements if item.name != "HR"]


def test_a_beat_with_a_gap_is_left_out_and_said(clip):
    masks, seconds = clip
    first, second = measured(masks, seconds).beats
    found = measured(without(masks, first.ed + 4, first.ed + 5), seconds)
    assert found.beats == (second,) and found.phases == Phases(second.ed, second.es)
    assert f"1 beat(s) were left out: 2 of {FRAMES} frames have no outline" in value(found, "LVEF").warnings


def test_two_outlines_and_a_hand_give_an_ef(clip):
    masks, seconds = clip
    beat = measured(masks, seconds).beats[0]
    drawn = without(masks, *(frame for frame in range(FRAMES) if frame not in (beat.ed, beat.es)))
    assert "have no outline" in measured(drawn, seconds).reason
    found = measured(drawn, seconds, by_hand=Phases(beat.ed, beat.es, True, True))
    assert found.reason == "" and found.beats == (Beat(beat.ed, beat.es),)
    ef = value(found, "LVEF")
    assert ef.value == pytest.approx(58, abs=1.5)
    assert ef.sources == (Source("c", (beat.ed, beat.es)),)
    assert ef.warnings[0] == f"ED (frame {beat.ed}) and ES (frame {beat.es}) set by hand"


def test_the_phase_that_is_not_set_comes_from_the_nearest_beat(clip):
    masks, seconds = clip
    first, second = measured(masks, seconds).beats
    moved = measured(masks, seconds, by_hand=Phases(ed=first.ed + 2, ed_by_hand=True))
    assert moved.phases == Phases(first.ed + 2, first.es, ed_by_hand=True)
    assert value(moved, "LVEDV").sources == (Source("c", (first.ed + 2,)),)
    late = measured(masks, seconds, by_hand=Phases(es=second.es - 1, es_by_hand=True))
    assert late.phases == Phases(second.ed, second.es - 1, es_by_hand=True)


@pytest.mark.parametrize(
    ("by_hand", "gap", "reason"),
    [
        (Phases(ed=3, ed_by_hand=True), "all but 3", "EF needs ED and ES; ES is not known"),
        (Phases(3, 3, True, True), "", "EF needs ED and ES in two frames; both are frame 3"),
        (Phases(3, 9, True, True), "9", "EF needs an outline at ED and ES; ES (frame 9) has none"),
    ],
)
def test_what_a_hand_leaves_open_is_said(clip, by_hand, gap, reason):
    masks, seconds = clip
    gaps = {"": [], "9": [9], "all but 3": [frame for frame in range(FRAMES) if frame != 3]}[gap]
    found = measured(without(masks, *gaps), seconds, by_hand=by_hand)
    assert found.reason == reason and found.beats == ()


def test_swapped_phases_give_no_ef_but_the_reason(clip):
    masks, seconds = clip
    beat = measured(masks, seconds).beats[0]
    found = measured(masks, seconds, by_hand=Phases(beat.es, beat.ed, True, True))
    assert not {"LVEF", "LVEDV", "LVESV"} & {item.name for item in found.measurements}
    assert any("LVEF" in text and "-137" in text for text in found.warnings)
    assert "The left ventricle is larger at ES than at ED: are the two frames swapped?" in found.warnings


def test_without_a_scale_there_are_pixels_and_percent(clip):
    masks, seconds = clip
    scale = Scale.none("the file has none")
    outlines = measure_outlines(cine_of(masks, seconds, scale), "A4C", masks)
    assert outlines.unit == "px" and outlines.sizes == pytest.approx(masks.sum(axis=(1, 2)))
    found = measured(masks, seconds, scale=scale)
    assert {item.unit for item in found.measurements} == {"%", "1/min"}
    assert value(found, "LVEF").value == pytest.approx(58, abs=1.5)


def test_what_no_heart_can_have_is_withheld_and_said(clip):
    result = measured(*clip, scale=Scale((8.0, 8.0), ScaleSource.DICOM_REGION))
    assert not {"LVEDV", "LVESV", "LVEF"} & {item.name for item in result.measurements}
    assert any("LVEDV" in text for text in result.warnings), result.warnings


def test_other_views_have_areas_and_phases_but_no_ef(clip):
    masks, seconds = clip
    found = measured(masks, seconds, view="PLAX")
    assert found.reason == "Volumes need one of the views A4C, A2C (found: PLAX)."
    assert found.phases.ed is not None and found.phases.es is not None
    assert {item.name for item in found.measurements} <= {"HR"}


def test_nothing_outlined_is_no_error(clip):
    masks, seconds = clip
    found = measured(np.zeros_like(masks), seconds)
    assert found.reason == "EF needs an outline of the left ventricle, and no frame has one"
    assert found.measurements == () and found.phases == Phases()


def test_a_single_frame_has_no_ef(clip):
    masks, seconds = clip
    found = measured(masks[:1], seconds[:1])
    assert "two frames" in found.reason and found.measurements == ()


def test_masks_of_another_size_are_refused(clip):
    masks, seconds = clip
    with pytest.raises(MeasureError, match="shape of their cine"):
        measure_outlines(cine_of(masks, seconds), "A4C", masks[:, 1:])


def test_given_beats_need_a_shape_at_both_ends(clip):
    masks, seconds = clip
    cine = cine_of(masks[:4], seconds[:4])
    shapes, warnings = lv_shapes(without(masks[:4], 2), None, MM)
    with pytest.raises(MeasureError, match="none in frame 2"):
        measure_shapes("c", "A4C", shapes, warnings, scale=cine.scale, times=cine.times, beats=[Beat(0, 2)])
