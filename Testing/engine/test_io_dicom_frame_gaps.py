"""Steps between frames that no machine makes: unknown times, or a warning."""

from __future__ import annotations

from pathlib import Path

from test_io_dicom_header import VECTOR_POINTER, read

from echoapex.cine import TimeSource


def test_a_gap_of_seconds_makes_frame_times_unknown(tmp_path: Path) -> None:
    tags = {"FrameIncrementPointer": 0x00181065, "FrameTimeVector": [0, 30, 30, 30, 9000, 30]}
    cine = read(tmp_path, **tags)
    assert cine.times.seconds is None
    assert any("longest time between two frames would be 9 s" in warning for warning in cine.warnings)


def vector_with(gap: float) -> dict[str, object]:
    return {"FrameIncrementPointer": VECTOR_POINTER, "FrameTimeVector": [0, 30, 30, 30, gap, 30]}


def test_a_step_many_times_the_others_makes_frame_times_unknown(tmp_path: Path) -> None:
    cine = read(tmp_path, **vector_with(330))
    assert not cine.times.known and "multiple of the median" in cine.times.reason
    assert read(tmp_path, FrameTime=30, **vector_with(330)).times.source is TimeSource.FRAME_TIME


def test_a_longer_step_among_frame_times_is_used_and_told(tmp_path: Path) -> None:
    cine = read(tmp_path, **vector_with(120))
    assert cine.times.source is TimeSource.FRAME_TIME_VECTOR
    assert any("multiple of the median, of 4 is outside the usual 1 to 3" in warning for warning in cine.warnings)
    assert not read(tmp_path, **vector_with(45)).warnings
