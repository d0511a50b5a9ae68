"""From the folder of a report to its scene, as the command does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import scene_cases as cases
import SimpleITK as sitk
from written_reports import clip_entry, write_cine, write_report

from echoapex.cine import Scale, ScaleSource, TimeSource
from echoapex.console import plain
from echoapex.errors import EchoApexError, ReadError
from echoapex.measure.measurement import Exclusion, MeasurementStatus
from EchoApexLib.study.studyFromReport import readReport
from EchoApexLib.study.studyInScene import readScene
from EchoApexLib.writeScene import main

ENGINE = Path(__file__).resolve().parents[2] / "EchoApex"


def test_the_scene_of_a_report_is_what_the_report_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = cases.make_clip("DOE_JANE")
    second = cases.make_clip("other", "PLAX", scale=cases.NO_SCALE, times=cases.NO_TIMES, simulated=False, seed=9)
    write_report(tmp_path, given, second)
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "scene.mrb")
    study = readScene(tmp_path / "scene.mrb")
    assert [clip.id for clip in study.clips] == ["A4C (simulated)", "PLAX"]
    assert study.measurements == cases.make_measurements("A4C (simulated)", "PLAX")
    assert "tiny-test" in study.note and "simulated hearts only" in study.note and "Not for clinical use" in study.note
    for found, wanted in zip(study.clips, (given, second)):
        assert np.array_equal(found.cine.frames, wanted.cine.frames)
        assert found.cine.scale.mm_per_px == wanted.cine.scale.mm_per_px
        assert found.cine.simulated == wanted.cine.simulated
        assert {name: item.masks.sum() for name, item in found.segmentations.items()} == {
            name: item.masks.sum() for name, item in wanted.segmentations.items()
        }
        for name, item in wanted.segmentations.items():
            assert np.array_equal(found.segmentations[name].masks, item.masks)
            assert np.array_equal(found.segmentations[name].confidence, item.confidence)
        assert np.allclose(found.landmarks.points, wanted.landmarks.points, atol=1e-6, equal_nan=True)
        assert found.curve.beats == wanted.curve.beats
        assert (found.curve.name, found.curve.unit) == (wanted.curve.name, wanted.curve.unit)
        assert np.array_equal(found.curve.values, wanted.curve.values, equal_nan=True)
    first, last = (clip.cine.times for clip in study.clips)
    assert np.array_equal(first.seconds, given.cine.times.seconds) and first.source is TimeSource.FRAME_TIME_VECTOR
    assert last.seconds is None and last.reason == cases.NO_TIMES.reason
    assert study.clips[1].cine.scale == cases.NO_SCALE


def test_what_a_person_did_to_a_number_stays_with_it(tmp_path: Path) -> None:
    first, second, third = cases.make_measurements("A4C-1", "A4C-1")[:3]
    told = (
        replace(first, status=MeasurementStatus.CORRECTED, rater="r1"),
        replace(second, status=MeasurementStatus.CONFIRMED, excluded=Exclusion("an extrasystole")),
        third,
    )
    write_report(tmp_path, cases.make_clip("A4C-1"), measurements=plain(told))
    assert main([str(tmp_path)]) == 0
    for study in (readReport(tmp_path)[0], readScene(tmp_path / "scene.mrb")):
        found = [(item.status, item.rater, item.excluded) for item in study.measurements]
        assert found == [(item.status, item.rater, item.excluded) for item in told]


def test_a_report_of_before_corrections_is_still_read(tmp_path: Path) -> None:
    clip = clip_entry(tmp_path, cases.make_clip("A4C-1"))
    clips = [{name: value for name, value in clip.items() if name not in ("flip", "calibration")}]
    later = ("status", "rater", "excluded")
    measurements = [
        {name: value for name, value in plain(item).items() if name not in later}
        for item in cases.make_measurements("A4C-1", "A4C-1")
    ]
    write_report(tmp_path, schema=1, clips=clips, measurements=measurements)
    study, refusals = readReport(tmp_path)
    assert refusals == () and study.measurements == cases.make_measurements("A4C-1", "A4C-1")


def write_frames(folder: Path, frames: Any) -> list[Path]:
    """Each frame as a DICOM file of its own."""
    folder.mkdir()
    paths = [folder / f"{index}.dcm" for index in range(len(frames))]
    for path, frame in zip(paths, frames):
        data = pydicom.Dataset()
        data.file_meta = pydicom.dataset.FileMetaDataset()
        data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.6.1", pydicom.uid.generate_uid()
        data.Modality, data.SamplesPerPixel, data.PhotometricInterpretation = "US", 1, "MONOCHROME2"
        data.Rows, data.Columns = frame.shape
        data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 8, 8, 7, 0
        data.PixelData = frame.tobytes() + b"\0" * (frame.size % 2)
        data.save_as(path, enforce_file_format=True)
    return paths


@pytest.mark.parametrize("on_its_way", [False, True])
def test_a_clip_of_single_frames_is_put_together_again(tmp_path: Path, on_its_way: bool) -> None:
    given, home, folder = cases.make_clip("A4C"), tmp_path / "home", tmp_path / "on" / "its" / "way"
    for place in (home, folder):
        place.mkdir(parents=True)
    paths = write_frames(tmp_path / "frames", given.cine.frames)
    record = json.loads((write_report(folder if on_its_way else home, given) / "report.json").read_text())
    record["clips"][0]["parts"] = [f"../frames/{path.name}" for path in paths]
    record["clips"][0]["file"] = record["clips"][0]["parts"][0]
    place = folder if on_its_way else home
    (place / "report.json").write_text(json.dumps(record))
    study, refusals = readReport(place, home if on_its_way else None)
    inside = given.cine.sector.mask
    assert not refusals and np.array_equal(study.clips[0].cine.frames[:, inside], given.cine.frames[:, inside])


def test_what_is_burned_in_beside_the_sector_stays_out_of_the_scene(tmp_path: Path) -> None:
    clip = cases.make_clip()
    frames = clip.cine.masked_frames()
    frames[:, 2:8, 2:20] = 255
    study, _ = readReport(write_report(tmp_path, replace(clip, cine=replace(clip.cine, frames=frames))))
    found = study.clips[0].cine.frames
    assert found[:, 20:50, 35:45].any() and not found[:, 2:8, 2:20].any()


def test_a_clip_that_was_turned_is_turned_in_the_scene(tmp_path: Path) -> None:
    clip = cases.make_clip()
    write_report(tmp_path, clip)
    record = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    record["clips"][0]["flip"] = "vertical"
    (tmp_path / "report.json").write_text(json.dumps(record), encoding="utf-8")
    study, _ = readReport(tmp_path)
    assert np.array_equal(study.clips[0].cine.frames, clip.cine.frames[:, ::-1])


def test_the_inner_diameter_is_the_curve_of_a_long_axis(tmp_path: Path) -> None:
    clip = cases.make_clip(view="PLAX")
    clip = replace(clip, curve=replace(clip.curve, name="LV inner diameter", unit="mm"))
    study, _ = readReport(write_report(tmp_path, clip))
    found = study.clips[0].curve
    assert (found.name, found.unit, found.beats) == ("LV inner diameter", "mm", clip.curve.beats)
    assert np.array_equal(found.values, clip.curve.values, equal_nan=True)


def test_scale_and_times_of_the_report_win_over_the_file(tmp_path: Path) -> None:
    clip = cases.make_clip(scale=Scale((0.4, 0.5), ScaleSource.USER))
    study, refusals = readReport(write_report(tmp_path, clip))
    assert refusals == ()
    assert study.clips[0].cine.scale == Scale((0.4, 0.5), ScaleSource.USER)
    assert np.array_equal(study.clips[0].cine.times.seconds, clip.cine.times.seconds)


def test_a_clip_that_is_gone_or_changed_is_left_out_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [cases.make_clip(name, "A4C", seed=seed) for seed, name in enumerate(("here", "gone", "cut", "grown"))]
    write_report(tmp_path, *clips)
    (tmp_path / "clips" / "gone.nrrd").unlink()
    write_cine(tmp_path / "clips" / "cut.nrrd", replace(clips[2], cine=cases.make_cine(frames=3)))
    larger = np.zeros((cases.FRAMES, 70, 90), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(larger), str(tmp_path / "clips" / "grown.nrrd"))
    assert main([str(tmp_path), "--out", str(tmp_path / "part.mrb")]) == 1
    printed = capsys.readouterr()
    assert printed.out.strip() == str(tmp_path / "part.mrb")
    assert printed.err.count("left out of the scene") == 3
    assert "gone.nrrd" in printed.err and "3 frames, 8 in the report" in printed.err and "do not fit" in printed.err
    study = readScene(tmp_path / "part.mrb")
    assert len(study.clips) == 1
    assert {source.clip for item in study.measurements for source in item.sources} == {
        "A4C (simulated)",
        "not in this scene",
    }


def test_a_clip_without_a_file_is_left_out(tmp_path: Path) -> None:
    folder = write_report(tmp_path, cases.make_clip("kept"), cases.make_clip("loose"))
    record = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    record["clips"][1]["file"] = None
    (folder / "report.json").write_text(json.dumps(record), encoding="utf-8")
    study, (refusal,) = readReport(folder)
    assert [clip.id for clip in study.clips] == ["kept"]
    assert "no file for this clip (found: loose)" in str(refusal)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "There is no report here"),
        ("{", "damaged"),
        ("[]", r"schema 1 and 2 can be read \(found: it must be an object, and is a list of 0\)"),
        ('{"schema": 3}', r"written by a newer EchoApex: of its schema this one reads up to 2 \(found: 3\)"),
        ('{"schema": 0}', r"schema 1 and 2 can be read \(found: schema must be one of 1, 2, and is 0\)"),
        ('{"schema": 1}', r"does not keep to its schema \(found: software is missing\)"),
        ('{"schema": 1, "clips": [{"id": 7}]}', "does not keep to its schema"),
        ('{"schema": 1, "clips": 7}', "does not keep to its schema"),
    ],
)
def test_what_is_no_report_is_refused_in_words(tmp_path: Path, text: str | None, words: str) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=words):
        readReport(tmp_path)
    assert main([str(tmp_path)]) == 1


def test_a_report_without_clips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match="lists none"):
        readReport(write_report(tmp_path))


def test_a_report_on_its_way_names_its_clips_from_where_it_will_lie(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    staged, clips = tmp_path / ".out.echoapex-part" / "new", tmp_path / "clips"
    staged.mkdir(parents=True)
    clips.mkdir()
    write_report(staged, cases.make_clip())
    record = json.loads((staged / "report.json").read_text(encoding="utf-8"))
    (clip,) = record["clips"]
    (staged / clip["file"]).rename(clips / "a.nrrd")
    clip["file"] = "../../clips/a.nrrd"
    (staged / "report.json").write_text(json.dumps(record), encoding="utf-8")
    command = [str(staged), "--out", str(staged / "scene.mrb"), "--lies-in", str(tmp_path / "not yet" / "there")]
    assert main(command) == 0
    assert len(readScene(staged / "scene.mrb").clips) == 1
    assert not (staged / ".echoapex-manifest.json").exists()


def test_a_scene_written_later_is_part_of_the_report_and_one_that_was_changed_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(tmp_path, cases.make_clip())
    assert main([str(tmp_path)]) == main([str(tmp_path)]) == 0
    (tmp_path / "scene.mrb").write_bytes(b"corrected by hand")
    assert main([str(tmp_path)]) == 1
    assert "was changed since EchoApex wrote it" in capsys.readouterr().err
    assert (tmp_path / "scene.mrb").read_bytes() == b"corrected by hand"


def test_the_command_ends_well_in_a_process_of_its_own(tmp_path: Path) -> None:
    write_report(tmp_path, cases.make_clip())
    done = subprocess.run(
        [sys.executable, "-m", "EchoApexLib.writeScene", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(ENGINE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(tmp_path / "scene.mrb")
    assert (tmp_path / "scene.mrb").stat().st_size > 1000
