"""ED and ES moved by hand in two views: which frames are possible, and what the next analysis makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from echoapex.cine import BoolMask, Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from echoapex.errors import MeasureError
from echoapex.measure.biplane_ef import measure_biplane
from echoapex.measure.ef_trace import TracedView, moved, trace_numbers, trace_view
from echoapex.measure.measurement import Beat
from echoapex.measure.single_plane_ef import measure_lv
from echoapex.measure.volumes_while_editing import Phases, beats_by_hand

FRAMES, ROWS, COLUMNS = 30, 80, 60
SCALE = Scale((1.0, 1.0), ScaleSource.DICOM_REGION)
TWO = Beat(2, 8, 14), Beat(14, 20, 26)


def masks_of(wide: float = 0.0) -> BoolMask:
    """Half ellipses, largest in frames 2, 14 and 26, smallest in frames 8 and 20."""
    filling = 0.5 + 0.5 * np.cos(2 * np.pi * (np.arange(FRAMES) - 2) / 12)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    half = (12 + wide + 7 * filling)[:, None, None]
    inside = ((x - 30) / half) ** 2 + ((70 - y) / 55) ** 2 <= 1
    return np.asarray(inside & (y <= 70))


def cine_of(scale: Scale = SCALE) -> Cine:
    times = FrameTimes(np.arange(FRAMES) / 25, TimeSource.FRAME_TIME)
    return Cine(np.zeros((FRAMES, ROWS, COLUMNS), np.uint8), times, scale, Sector.whole_frame(ROWS, COLUMNS))


def traced(view: str = "A4C", wide: float = 0.0, found: tuple[Beat, ...] = TWO, scale: Scale = SCALE) -> TracedView:
    return trace_view(view.lower(), view, cine_of(scale), masks_of(wide), found=found)


def test_without_a_hand_the_numbers_are_those_of_the_analysis() -> None:
    a4c, a2c = traced(), traced("A2C", 3)
    numbers = trace_numbers({"A4C": a4c, "A2C": a2c}, {"A4C": a4c.found, "A2C": a2c.found})
    analyzed = [
        measure_lv(name.lower(), name, masks_of(wide), scale=SCALE, times=cine_of().times, beats=TWO)
        for name, wide in (("A4C", 0), ("A2C", 3))
    ]
    wanted = [*analyzed[0].measurements, *analyzed[1].measurements, *measure_biplane(*analyzed)]
    assert list(numbers.measurements) == [item for item in wanted if item.name != "HR"]
    assert numbers.biplane is not None and numbers.reasons == ()
    assert numbers.biplane.volume_ml[0] == pytest.approx(numbers.value("LVEDV", "biplane"))


def test_a_moved_es_changes_its_view_and_both_as_the_next_analysis_does() -> None:
    a4c, a2c = traced(found=TWO[:1]), traced("A2C", 3)
    phases = moved(a4c, Phases(), a4c.found[0], ed=False, frame=5)
    beats = {"A4C": a4c.beats(phases), "A2C": a2c.beats(Phases())}
    numbers = trace_numbers({"A4C": a4c, "A2C": a2c}, beats)
    again = measure_lv(
        *("a4c", "A4C", masks_of()), scale=SCALE, times=cine_of().times, beats=beats_by_hand(TWO[:1], phases)
    )
    assert phases == Phases(None, 5, False, True)
    assert numbers.value("LVESV", "A4C") == again.volume_ml[5]
    before = trace_numbers({"A4C": a4c, "A2C": a2c}, {"A4C": TWO[:1], "A2C": TWO})
    assert numbers.value("LVEF", "A2C") == before.value("LVEF", "A2C")
    assert numbers.value("LVEF", "biplane") < before.value("LVEF", "biplane")


def test_the_diastole_stays_known_after_es_was_moved() -> None:
    view = traced()
    (beat,) = view.beats(moved(view, Phases(), TWO[0], ed=False, frame=10))
    assert beat == Beat(2, 10, 14)


@pytest.mark.parametrize(
    ("ed", "beat", "frame", "at"),
    [
        (True, TWO[0], -5, 0),
        (True, TWO[0], 20, 7),
        (False, TWO[0], 1, 3),
        (False, TWO[0], 29, 13),
        (True, TWO[1], 3, 9),
        (False, TWO[1], 29, 25),
    ],
)
def test_ed_and_es_stay_in_their_beat(ed: bool, beat: Beat, frame: int, at: int) -> None:
    phases = moved(traced(), Phases(), beat, ed=ed, frame=frame)
    assert (phases.ed if ed else phases.es) == at


def test_frames_without_an_outline_are_passed_over() -> None:
    masks = masks_of()
    masks[4:7] = False
    view = trace_view("a", "A4C", cine_of(), masks, found=TWO)
    assert moved(view, Phases(), TWO[0], ed=False, frame=5).es in (3, 7)


def test_the_other_end_never_jumps_to_another_beat() -> None:
    """ES so late that it is nearer to that of the next beat: ED stays, and counts as set by hand, too."""
    view = traced(found=(Beat(2, 4, 14), Beat(14, 16, 26)))
    phases = moved(view, Phases(), view.found[0], ed=False, frame=13)
    assert phases == Phases(2, 13, True, True)
    assert [(one.ed, one.es) for one in view.beats(phases)] == [(2, 13)]
    assert moved(view, Phases(), view.found[0], ed=False, frame=6) == Phases(None, 6, False, True)


def test_one_beat_can_be_chosen_and_a_hand_goes_before_it() -> None:
    view = traced()
    assert view.beats(Phases(), 1) == TWO[1:] and view.beats(Phases()) == TWO
    assert [one.es for one in view.beats(Phases(None, 9, False, True), 1)] == [9]


def test_what_is_missing_is_said() -> None:
    with pytest.raises(MeasureError, match="no measurable left ventricle"):
        trace_view("a", "A4C", cine_of(), np.zeros((FRAMES, ROWS, COLUMNS), bool))
    with pytest.raises(MeasureError, match="PLAX"):
        trace_view("a", "PLAX", cine_of(), masks_of())
    a4c, bare = traced(), traced("A2C", found=())
    numbers = trace_numbers({"A4C": a4c, "A2C": bare}, {"A4C": TWO, "A2C": ()})
    assert numbers.biplane is None and "no" in numbers.reasons[-1] and numbers.value("LVEF", "A4C") is not None


def test_without_a_scale_there_is_an_ef_and_no_volume() -> None:
    view = traced(scale=Scale.none("a test"))
    numbers = trace_numbers({"A4C": view}, {"A4C": TWO})
    assert numbers.value("LVEF", "A4C") == pytest.approx(
        trace_numbers({"A4C": traced()}, {"A4C": TWO}).value("LVEF", "A4C")
    )
    assert numbers.value("LVEDV", "A4C") is None and view.outlines.unit == "px"


def test_what_no_heart_can_have_is_withheld_and_said() -> None:
    huge = Scale((9.0, 9.0), ScaleSource.DICOM_REGION)
    views = {view: traced(view, scale=huge) for view in ("A4C", "A2C")}
    numbers = trace_numbers(views, dict.fromkeys(views, TWO))
    assert numbers.value("LVEF", "biplane") is None and numbers.value("LVEDV", "A4C") is None
    assert numbers.biplane is None and any("LVEDV" in reason for reason in numbers.reasons), numbers.reasons
