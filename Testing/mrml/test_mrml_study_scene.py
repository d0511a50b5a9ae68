"""A scene written and read back is what it was, to the last pixel and digit where nodes or the record can hold it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases
import slicer

from echoapex.analysis.clip_analysis import ClipResult
from echoapex.cine import FrameTimes, Scale, ScaleSource, TimeSource
from echoapex.errors import EchoApexError, ReadError
from echoapex.measure.measurement import Beat
from echoapex.measure.single_plane_ef import LVResult
from echoapex.measure.wall_thickness import WallResult
from echoapex.structures import structures
from EchoApexLib.record.studyContents import SceneClip, SceneStudy, sceneClip, sceneNames
from EchoApexLib.sequences.cineSequence import SCALE_ATTRIBUTE, TIMES_ATTRIBUTE
from EchoApexLib.study.studyInScene import addStudy, newScene, readScene, readStudy, writeScene


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return writeScene(tmp_path_factory.mktemp("scene") / "scene.mrb", cases.make_study(note="Made for a test"))


@pytest.fixture(scope="module")
def read(written: Path) -> SceneStudy:
    return readScene(written)


def round_trip(folder: Path, *clips: SceneClip) -> SceneStudy:
    return readScene(writeScene(folder / "scene.mrb", SceneStudy(clips)))


def assert_same_cine(found: SceneClip, given: SceneClip) -> None:
    ours, theirs = given.cine, found.cine
    assert theirs.frames.dtype == np.uint8 and np.array_equal(theirs.frames, ours.frames)
    assert np.array_equal(theirs.sector.mask, ours.sector.mask)
    assert (theirs.scale, theirs.sector.box, theirs.sector.source) == (ours.scale, ours.sector.box, ours.sector.source)
    assert (theirs.times.source, theirs.times.reason) == (ours.times.source, ours.times.reason)
    if ours.times.seconds is None:
        assert theirs.times.seconds is None
    else:
        assert np.array_equal(theirs.times.seconds, ours.times.seconds)
    for fact in ("kind", "modality", "color", "heart_rate", "r_wave_times", "view", "simulated"):
        assert getattr(theirs, fact) == getattr(ours, fact)


def assert_same_findings(found: SceneClip, given: SceneClip) -> None:
    assert set(found.segmentations) == set(given.segmentations)
    for name, item in given.segmentations.items():
        assert np.array_equal(found.segmentations[name].masks, item.masks), name
        assert np.array_equal(found.segmentations[name].confidence, item.confidence), name
    if given.landmarks is None:
        assert found.landmarks is None
    else:
        y, x = given.cine.scale.mm_per_px or (1.0, 1.0)
        assert found.landmarks.names == given.landmarks.names
        apart = (found.landmarks.points - given.landmarks.points) * (x, y)
        assert np.array_equal(np.isnan(apart), np.isnan(given.landmarks.points))
        assert np.nanmax(np.abs(apart)) < 1e-6
        assert np.allclose(found.landmarks.sigma_px, given.landmarks.sigma_px, rtol=1e-5, equal_nan=True)
    ours, theirs = given.curve, found.curve
    assert (theirs.name, theirs.unit, theirs.beats) == (ours.name, ours.unit, ours.beats)
    assert np.array_equal(theirs.values, ours.values, equal_nan=True)


def test_cines_come_back_with_pixels_times_scale_and_sector(read: SceneStudy) -> None:
    for found, given in zip(read.clips, cases.make_study().clips):
        assert_same_cine(found, given)


def test_findings_come_back(read: SceneStudy) -> None:
    for found, given in zip(read.clips, cases.make_study().clips):
        assert_same_findings(found, given)


def test_clips_are_called_by_view_and_never_by_identifier(read: SceneStudy) -> None:
    assert [(clip.id, clip.view) for clip in read.clips] == [("A4C (simulated)", "A4C"), ("A2C (simulated)", "A2C")]


def test_measurements_come_back_to_the_last_digit(read: SceneStudy) -> None:
    assert read.measurements == cases.make_measurements("A4C (simulated)", "A2C (simulated)")
    assert read.note == "Made for a test"


def engine_result(view: str, **found: Any) -> ClipResult:
    clip = cases.make_clip(view, view)
    return ClipResult(view, clip.cine, view, clip.segmentations, found.pop("lv", None), ("a warning",), **found)


def test_results_of_the_engine_become_clips_of_a_scene() -> None:
    sizes, beats = np.arange(8.0), (Beat(1, 3),)
    empty = {"shapes": (), "beat_volumes": (), "measurements": (), "warnings": ()}
    scaled = LVResult("a", "A4C", area_px=sizes, volume_ml=2 * sizes, beats=beats, **empty)
    points = cases.make_landmarks()
    walls = WallResult("c", "px", {"LVID": sizes}, {}, beats, (), (), (), {}, ())
    volume, area, diameter, nothing = (
        sceneClip(result)
        for result in (
            engine_result("A4C", lv=scaled),
            engine_result("A2C", lv=replace(scaled, volume_ml=None)),
            engine_result("PLAX", walls=walls, landmarks=points),
            engine_result("OTHER"),
        )
    )
    found = [(clip.view, clip.curve.name, clip.curve.unit, clip.curve.beats) for clip in (volume, area, diameter)]
    assert found == [
        ("A4C", "LV volume", "mL", beats),
        ("A2C", "LV area", "px", beats),
        ("PLAX", "LV inner diameter", "px", beats),
    ]
    assert np.array_equal(volume.curve.values, 2 * sizes)
    assert diameter.landmarks is points and nothing.curve is None
    with newScene() as scene:
        addStudy(scene, SceneStudy((volume, area, diameter, nothing)))
        assert [clip.view for clip in readStudy(scene).clips] == ["A4C", "A2C", "PLAX", "OTHER"]


def test_clips_of_one_view_are_numbered() -> None:
    clips = [cases.make_clip(name, "A4C", simulated=real) for name, real in (("x", True), ("y", False), ("z", True))]
    assert sceneNames(clips) == {"x": "A4C (simulated)", "y": "A4C 2", "z": "A4C 3 (simulated)"}


def test_scene_after_scene_adds_no_conversion_rules() -> None:
    factory = slicer.vtkSegmentationConverterFactory.GetInstance()
    kinds = []
    for _ in range(3):
        with newScene():
            kinds.append(sorted(rule.GetClassName() for rule in factory.GetConverterRules()))
    assert kinds[0] == kinds[1] == kinds[2] and len(set(kinds[0])) == len(kinds[0]) > 0


def test_structures_have_their_names_colors_and_codes_in_every_frame(written: Path) -> None:
    with cases.opened(written) as scene:
        sequence = cases.sequence(scene, "A4C (simulated) structures")
        assert sequence.GetNumberOfDataNodes() == cases.FRAMES
        for frame in range(cases.FRAMES):
            found = sequence.GetNthDataNode(frame).GetSegmentation()
            names = [found.GetNthSegmentID(index) for index in range(found.GetNumberOfSegments())]
            assert names == ["LV", "LA", "PROMPTED"]
            for name in names[:2]:
                segment, known = found.GetSegment(name), structures()[name]
                tag = slicer.vtkSegment.GetTerminologyEntryTagName()
                assert (segment.GetName(), _tag(segment, tag)) == (known.name, known.terminology)
                assert tuple(round(255 * channel) for channel in segment.GetColor()) == known.bright
            assert not found.ContainsRepresentation("Closed surface")


def _tag(segment: object, name: str) -> str:
    import vtk

    text = vtk.reference("")
    assert segment.GetTag(name, text)
    return str(text)


def test_spacing_and_times_are_those_of_the_cine_in_every_frame(written: Path) -> None:
    cine = cases.make_cine()
    with cases.opened(written) as scene:
        sequence = cases.sequence(scene, "A4C (simulated) cine")
        assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("time", "s")
        found = [float(sequence.GetNthIndexValue(frame)) for frame in range(cases.FRAMES)]
        assert found == cine.times.seconds.tolist()
        y, x = cine.scale.mm_per_px
        assert {sequence.GetNthDataNode(frame).GetSpacing() for frame in range(cases.FRAMES)} == {(x, y, 1.0)}
        assert sequence.GetAttribute(SCALE_ATTRIBUTE) == "dicom_region"
        rate = cases.browser_of(scene, "A4C (simulated)").GetPlaybackRateFps()
        assert rate == pytest.approx(cine.times.frame_rate, rel=1e-5)


def test_without_a_scale_spacing_is_one_pixel_and_the_node_says_so(tmp_path: Path) -> None:
    clip = cases.make_clip(scale=cases.NO_SCALE)
    path = writeScene(tmp_path / "scene.mrb", SceneStudy((clip,)))
    (found,) = readScene(path).clips
    assert_same_cine(found, clip)
    assert_same_findings(found, clip)
    with cases.opened(path) as scene:
        sequence = cases.sequence(scene, "A4C (simulated) cine")
        assert sequence.GetNthDataNode(0).GetSpacing() == (1.0, 1.0, 1.0)
        assert sequence.GetAttribute(SCALE_ATTRIBUTE) == "unknown, in pixels: the header has no region"
        chart = cases.node(scene, "A4C (simulated) curve chart")
        assert chart.GetYAxisTitle() == "LV area (px)"


def test_without_frame_times_the_index_is_the_frame_and_no_rate_is_made_up(tmp_path: Path) -> None:
    clip = cases.make_clip(times=cases.NO_TIMES)
    path = writeScene(tmp_path / "scene.mrb", SceneStudy((clip,)))
    assert_same_cine(readScene(path).clips[0], clip)
    with cases.opened(path) as scene:
        sequence = cases.sequence(scene, "A4C (simulated) cine")
        assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("frame", "")
        assert [sequence.GetNthIndexValue(frame) for frame in range(3)] == ["0", "1", "2"]
        assert sequence.GetAttribute(TIMES_ATTRIBUTE) == "unknown: the header has no frame rate"
        fresh = slicer.vtkMRMLSequenceBrowserNode().GetPlaybackRateFps()
        assert cases.browser_of(scene, "A4C (simulated)").GetPlaybackRateFps() == fresh
        assert cases.node(scene, "A4C (simulated) curve chart").GetXAxisTitle() == "Frame"


def test_one_frame(tmp_path: Path) -> None:
    times = FrameTimes(np.zeros(1), TimeSource.SINGLE_FRAME)
    clip = cases.make_clip(frames=1, times=times)
    (found,) = round_trip(tmp_path, clip).clips
    assert_same_cine(found, clip)
    assert_same_findings(found, clip)


def test_frames_of_an_ultrafast_cine_stay_apart(tmp_path: Path) -> None:
    times = FrameTimes(np.arange(cases.FRAMES) * 0.0003, TimeSource.FRAME_TIME)
    clip = cases.make_clip(times=times)
    (found,) = round_trip(tmp_path, clip).clips
    assert_same_cine(found, clip)
    assert_same_findings(found, clip)


@pytest.mark.parametrize("scale", [(0.05, 1.7), (1.7, 0.05), (1 / 3, 1 / 3)])
def test_any_scale_comes_back_as_it_was(tmp_path: Path, scale: tuple[float, float]) -> None:
    clip = cases.make_clip(scale=Scale(scale, ScaleSource.USER))
    (found,) = round_trip(tmp_path, clip).clips
    assert_same_cine(found, clip)
    assert_same_findings(found, clip)


def test_a_spacing_changed_in_slicer_counts() -> None:
    with newScene() as scene:
        addStudy(scene, SceneStudy((cases.make_clip(),)))
        sequence = cases.sequence(scene, "A4C (simulated) cine")
        for frame in range(cases.FRAMES):
            sequence.GetNthDataNode(frame).SetSpacing(0.5, 0.4, 1.0)
        assert readStudy(scene).clips[0].cine.scale.mm_per_px == (0.4, 0.5)


def test_a_clip_in_which_nothing_was_found(tmp_path: Path) -> None:
    clip = replace(cases.make_clip(landmarks=False), segmentations={}, curve=None, view="OTHER")
    (found,) = round_trip(tmp_path, clip).clips
    assert_same_cine(found, clip)
    assert (found.segmentations, found.curve, found.landmarks, found.view) == ({}, None, None, "OTHER")


def test_names_beyond_ascii(tmp_path: Path) -> None:
    clip = cases.make_clip(view="4-Kammer-Blick ♥")
    clip = replace(clip, segmentations={"Überhang": clip.segmentations["LV"]})
    folder = tmp_path / "Größe 心臓"
    folder.mkdir()
    (found,) = readScene(writeScene(folder / "Écho №1.mrb", SceneStudy((clip,)))).clips
    assert_same_cine(found, clip)
    assert_same_findings(found, clip)


def test_reading_leaves_an_open_scene_alone(written: Path) -> None:
    with newScene() as scene:
        addStudy(scene, SceneStudy((cases.make_clip(view="PLAX"),)))
        cases.browser_of(scene, "PLAX (simulated)").SetSelectedItemNumber(4)
        before = scene.GetNumberOfNodes()
        assert [clip.view for clip in readScene(written).clips] == ["A4C", "A2C"]
        assert scene.GetNumberOfNodes() == before
        assert cases.browser_of(scene, "PLAX (simulated)").GetSelectedItemNumber() == 4
        assert [clip.view for clip in readStudy(scene).clips] == ["PLAX"]


def test_a_scene_added_to_another_keeps_both_studies(written: Path) -> None:
    with cases.opened(written) as scene:
        addStudy(scene, SceneStudy((cases.make_clip(seed=11),)))
        found = readStudy(scene).clips
    assert [clip.view for clip in found] == ["A4C", "A2C", "A4C"]
    assert_same_cine(found[0], cases.make_clip())
    assert_same_cine(found[2], cases.make_clip(seed=11))


def test_what_is_there_is_replaced_only_when_all_is_done(tmp_path: Path) -> None:
    target = tmp_path / "scene.mrb"
    target.write_bytes(b"what was there")
    bad = cases.make_clip()
    bad = replace(bad, landmarks=cases.make_landmarks(3))
    with pytest.raises(EchoApexError, match="one set of landmarks for each frame"):
        writeScene(target, SceneStudy((bad,)))
    assert target.read_bytes() == b"what was there"
    writeScene(target, SceneStudy((cases.make_clip(),)))
    assert [path.name for path in tmp_path.iterdir()] == ["scene.mrb"]
    assert len(readScene(target).clips) == 1


def test_what_cannot_be_written_is_refused_in_words(tmp_path: Path) -> None:
    clip = cases.make_clip()
    cut = replace(clip, segmentations={"LV": replace(clip.segmentations["LV"], masks=np.ones((2, 3, 4), bool))})
    with pytest.raises(EchoApexError, match="at least one clip"):
        writeScene(tmp_path / "a.mrb", SceneStudy(()))
    with pytest.raises(EchoApexError, match=r"shape of their cine.*of LV for"):
        writeScene(tmp_path / "a.mrb", SceneStudy((cut,)))
    with pytest.raises(EchoApexError, match=r"ends in \.mrb"):
        writeScene(tmp_path / "a.mrml", SceneStudy((clip,)))
    with pytest.raises(EchoApexError, match="cannot be written here"):
        writeScene(tmp_path / "missing" / "a.mrb", SceneStudy((clip,)))


def test_a_relative_path_is_seen_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert writeScene("scene.mrb", SceneStudy((cases.make_clip(),))) == Path("scene.mrb")
    assert (tmp_path / "scene.mrb").is_file()
    assert len(readScene("scene.mrb").clips) == 1


@pytest.mark.parametrize(("text", "words"), [("{", "is damaged"), ("[]", "schema 1"), ('{"schema": 9}', "schema 1")])
def test_a_record_that_cannot_be_read_is_refused_in_words(text: str, words: str) -> None:
    with newScene() as scene:
        addStudy(scene, SceneStudy((cases.make_clip(),)))
        cases.node(scene, "A4C (simulated) record").SetText(text)
        with pytest.raises(ReadError, match=rf"{words}.*\(found: A4C \(simulated\) record"):
            readStudy(scene)


def test_what_is_no_scene_of_ours_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no such file"):
        readScene(tmp_path / "none.mrb")
    (tmp_path / "bad.mrb").write_bytes(b"no archive")
    here = Path.cwd()
    with pytest.raises(ReadError, match="This archive cannot be read"):
        readScene(tmp_path / "bad.mrb")
    assert Path.cwd() == here
    with newScene() as scene:
        scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "of somebody else")
        with pytest.raises(EchoApexError, match="no clip of EchoApex"):
            readStudy(scene)
