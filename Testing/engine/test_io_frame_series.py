"""A cine that lies in single frames, one file each, is one cine again, and stills stay stills."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from io_writers import dicom, fan, fan_mask, region, save
from numpy.typing import NDArray
from pydicom import Sequence
from study_cases import MODEL, TruthIn

from echoapex.cine import TimeSource
from echoapex.cli import main
from echoapex.errors import ReadError
from echoapex.io import find_series, read_series
from echoapex.report.report_json import report_json
from echoapex.study.batch_analysis import StudyOptions, analyze_study

SERIES = {"SeriesInstanceUID": "1.2.3", "StudyInstanceUID": "1.2", "PatientID": "T-1"}


def beating(count: int = 10) -> NDArray[np.uint8]:
    """A fan with a bright ring that grows and shrinks, ``uint8 [T, H, W]``."""
    y, x = np.mgrid[:96, :128]
    sizes = 18 + 6 * np.sin(np.arange(count) / 2)
    ring = np.exp(-((np.hypot(y - 55, x - 64)[None] - sizes[:, None, None]) ** 2) / 60)
    return np.where(fan_mask(), 40 + 180 * ring, 0).astype(np.uint8)


def exported(folder: Path, frames: NDArray[np.uint8], **tags: Any) -> list[Path]:
    """One file for each frame, whose names are in reverse of their numbers."""
    folder.mkdir(exist_ok=True)
    paths = []
    for index, frame in enumerate(frames):
        own = {name: value(index) if callable(value) else value for name, value in tags.items()}
        data = dicom(frame[None], NumberOfFrames=None, **{**SERIES, "InstanceNumber": index + 1, **own})
        paths.append(save(data, folder / f"{len(frames) - index:03d}.dcm"))
    return paths


def test_single_frames_of_one_series_are_one_cine_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    paths = exported(tmp_path, beating(), ProtocolName="Echo")
    assert find_series(sorted(paths)) == {paths[0]: tuple(paths)}
    cine = read_series(paths)
    assert np.array_equal(cine.frames, beating())
    assert (cine.path, cine.parts, cine.setting.protocol) == (paths[0], tuple(paths), "Echo")
    assert not cine.times.known and "neither a frame rate" in cine.times.reason
    assert cine.warnings == ("The clip was put together from 10 files of one frame each",)


def test_frames_that_all_lie_at_one_place_are_a_cine(tmp_path: Path) -> None:
    paths = exported(tmp_path, beating(), SliceLocation=0.0, ImagePositionPatient=[0.0, 0.0, 0.0])
    assert find_series(paths) == {paths[0]: tuple(paths)}


@pytest.mark.parametrize(
    ("tags", "source"),
    [
        ({"FrameTime": 40}, TimeSource.FRAME_TIME),
        ({"ContentTime": lambda index: f"0959{59 + index * 0.04:09.6f}" if index < 25 else None}, TimeSource.CLOCK),
        ({"TriggerTime": lambda index: 200 + 40 * index}, TimeSource.CLOCK),
    ],
)
def test_single_frames_have_the_times_of_their_headers(
    tmp_path: Path, tags: dict[str, Any], source: TimeSource
) -> None:
    cine = read_series(exported(tmp_path, beating(), **tags))
    assert cine.times.source is source
    assert cine.times.seconds == pytest.approx(np.arange(10) * 0.04, abs=1e-6)


def pictures(count: int = 10) -> NDArray[np.uint8]:
    """A fan with another pattern in each frame, as in the stills of a series."""
    blocks = np.random.default_rng(5).integers(20, 220, (count, 6, 8))
    return np.where(fan_mask(), blocks.repeat(16, axis=1).repeat(16, axis=2), 0).astype(np.uint8)


NO_CINE = {
    "other pictures": (pictures(), {}),
    "few": (beating(7), {}),
    "slices": (beating(), {"SliceLocation": lambda index: 0.5 * index}),
    "slices by position": (beating(), {"ImagePositionPatient": lambda index: [0.0, 0.0, 0.5 * index]}),
    "gaps between numbers": (beating(), {"InstanceNumber": lambda index: 2 * index}),
    "several series": (beating(), {"SeriesInstanceUID": lambda index: f"1.2.{index % 2}"}),
    "no numbers": (beating(), {"InstanceNumber": None}),
}


@pytest.mark.parametrize("kind", NO_CINE)
def test_stills_and_slices_are_no_cine(tmp_path: Path, kind: str) -> None:
    frames, tags = NO_CINE[kind]
    assert find_series(exported(tmp_path, frames, **tags)) == {}


def test_frames_of_different_scale_are_refused(tmp_path: Path) -> None:
    def of_size(index: int) -> Sequence:
        delta = 0.05 if index else 0.06
        return Sequence([region(PhysicalDeltaX=delta, PhysicalDeltaY=delta)])

    with pytest.raises(ReadError, match="one size and scale"):
        read_series(exported(tmp_path, beating(), SequenceOfUltrasoundRegions=of_size))


def test_analyze_and_info_count_single_frames_as_one_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    paths = exported(folder, beating())
    save(dicom(fan(1), **{**SERIES, "InstanceNumber": 40}), folder / "still.dcm")
    options = StudyOptions(observe=TruthIn({}), views={paths[3].name: "OTHER", "still.dcm": "OTHER"})
    (report,) = analyze_study([folder], MODEL, options=options)
    assert [(clip.cine.path, clip.cine.frame_count) for clip in report.clips] == [
        (paths[0], 10),
        (folder / "still.dcm", 1),
    ]
    record = report_json(report, tmp_path)
    assert [len(clip["parts"]) for clip in record["clips"]] == [10, 0]
    assert record["clips"][0]["parts"][0] == f"in/{paths[0].name}"
    assert main(["info", str(folder), "--json"]) == 0
    assert sorted(clip["frame_count"] for clip in json.loads(capsys.readouterr().out)["clips"]) == [1, 10]
