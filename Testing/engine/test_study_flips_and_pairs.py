"""Clips that stand on their head, and which of several clips make the biplane pair of a study."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from report_cases import simulated
from study_cases import MODEL, Take, TrueObserver, TruthIn, analyzed, measured, set_region, write_take

from echoapex.analysis.orientation_notes import TURNED
from echoapex.inference.segmentation import Segmentation
from echoapex.report.report_json import report_json
from echoapex.study.batch_analysis import StudyOptions, analyze_study

A4C, A2C = Take("A4C"), Take("A2C")


def on_its_head(path: Path) -> Path:
    """Writes an A4C clip with its rows in reverse."""
    from pydicom import dcmread

    write_take(path, A4C)
    header = dcmread(path)
    header.PixelData = header.pixel_array[:, ::-1].tobytes()
    del header.SequenceOfUltrasoundRegions
    header.save_as(path, enforce_file_format=True)
    return path


class _UpsideDown:
    """Sees the truth in the pixels of a file that stands on its head."""

    def __init__(self, seen: TrueObserver) -> None:
        self.view, self.landmarks, self._seen = seen.view, seen.landmarks, seen

    def outlines(self, names: Sequence[str]) -> dict[str, Segmentation]:
        found = self._seen.outlines(names)
        return {name: Segmentation(item.masks[:, ::-1], item.confidence) for name, item in found.items()}


def test_a_clip_on_its_head_is_measured_as_it_is_and_as_the_user_turns_it(tmp_path: Path) -> None:
    path = on_its_head(tmp_path / "down.dcm")
    truth = TruthIn({"down.dcm": A4C})
    options = StudyOptions(observe=lambda model, cine: _UpsideDown(truth(model, cine)))
    (as_it_is,) = analyze_study([path], MODEL, options=options)
    turned = analyzed(path, {"down.dcm": A4C}, flips={"down.dcm": "vertical"})
    for report in (as_it_is, turned):
        assert measured(report, "LVEF", "A4C") == pytest.approx(100 * simulated("A4C").heart.shape.ef, abs=4)
    (clip,) = as_it_is.clips
    assert TURNED in clip.warnings and report_json(as_it_is)["clips"][0]["flip"] is None
    (clip,) = turned.clips
    assert any("turned by the user" in text for text in clip.warnings) and TURNED not in clip.warnings
    assert report_json(turned)["clips"][0]["flip"] == "vertical"


def test_the_best_pair_is_sure_and_not_foreshortened(tmp_path: Path) -> None:
    takes = {"1.dcm": A4C, "2.dcm": A4C, "3.dcm": A2C}
    for name, take in takes.items():
        write_take(tmp_path / name, take)
    # The same pixels, a third smaller: to the measuring, a foreshortened view.
    set_region(tmp_path / "1.dcm", PhysicalDeltaX=0.07, PhysicalDeltaY=0.07)
    report = analyzed(tmp_path, takes)
    (ef,) = [m for m in report.measurements if (m.name, m.method) == ("LVEF", "biplane")]
    assert {source.clip for source in ef.sources} == {"A4C-2", "A2C-1"}
    assert any("A4C-2 and A2C-1" in note and "2 pairs" in note for note in report.notes)


def test_a_pair_without_doubts_goes_before_a_longer_one_with_few_frames_a_second(tmp_path: Path) -> None:
    takes = {"1.dcm": A4C, "2.dcm": A4C, "3.dcm": A2C}
    for name, take in takes.items():
        write_take(tmp_path / name, take)
    write_take(tmp_path / "1.dcm", A4C, FrameTime="45")
    set_region(tmp_path / "1.dcm", PhysicalDeltaX=0.12, PhysicalDeltaY=0.12)
    (ef,) = [m for m in analyzed(tmp_path, takes).measurements if (m.name, m.method) == ("LVEF", "biplane")]
    assert {source.clip for source in ef.sources} == {"A4C-2", "A2C-1"}
