"""Tables, plots, the opening view, and what must not be in a scene."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scene_cases as cases

from EchoApexLib.measurements.tablesAndPlots import EMPTY
from EchoApexLib.nodes.coordinates import ijkToRas, pixelsFromRas
from EchoApexLib.record.studyContents import SceneStudy
from EchoApexLib.sliceView.redSliceSetup import showClip
from EchoApexLib.study.studyInScene import newScene, writeScene

A4C, A2C = "A4C (simulated)", "A2C (simulated)"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A2C comes first: which clip is shown does not depend on the order.
    clips = (cases.make_clip("b", "A2C", landmarks=False, seed=7), cases.make_clip())
    study = SceneStudy(clips, cases.make_measurements())
    return writeScene(tmp_path_factory.mktemp("scene") / "scene.mrb", study)


def columns(table: Any) -> dict[str, list[Any]]:
    arrays = (table.GetTable().GetColumn(index) for index in range(table.GetNumberOfColumns()))
    return {array.GetName(): [array.GetValue(row) for row in range(array.GetNumberOfTuples())] for array in arrays}


def test_measurements_are_a_table(written: Path) -> None:
    with cases.opened(written) as scene:
        found = columns(cases.node(scene, "Measurements (simulated)"))
    assert found["Name"] == ["LVEF", "LVEDVI", "LVMass"]
    assert found["Value"] == pytest.approx([100 / 3, np.nan, 151.987654321], rel=1e-5, nan_ok=True)
    assert found["Unit"] == ["%", "mL/m2", "g"]
    assert found["Method"] == ["biplane", "A4C", "linear"]
    assert found["Clips and frames"] == [f"{A4C}: 1, 3; {A2C}: 0, 7", f"{A4C}: 1, 3", f"{A4C}: 1, 3"]
    assert found["Confidence"] == pytest.approx([0.912345678, np.nan, np.nan], rel=1e-5, nan_ok=True)
    assert found["Normal from"] == pytest.approx([52, np.nan, np.nan], nan_ok=True)
    assert found["Normal to"] == pytest.approx([72, np.nan, np.nan], nan_ok=True)
    assert found["Scheme"] == ["ASE/EACVI 2015 F", EMPTY, EMPTY]
    assert found["Grade"] == [EMPTY, EMPTY, "mild"]
    assert found["Warnings"] == [EMPTY, "Tab and 'quotes', größer als 10 %", EMPTY]


def test_the_curve_is_a_table_and_a_plot_with_its_beats(written: Path) -> None:
    clip = cases.make_clip()
    seconds, volume = clip.cine.times.seconds, clip.curve.values
    with cases.opened(written) as scene:
        chart = cases.node(scene, f"{A4C} curve chart")
        assert chart.GetClassName() == "vtkMRMLPlotChartNode"
        assert (chart.GetTitle(), chart.GetXAxisTitle(), chart.GetYAxisTitle()) == (A4C, "Time (s)", "LV volume (mL)")
        assert chart.GetNumberOfPlotSeriesNodes() == 2
        line, points = (chart.GetNthPlotSeriesNode(index) for index in range(2))
        for series in (line, points):
            assert (series.GetXColumnName(), series.GetYColumnName()) == ("Time (s)", "LV volume (mL)")
        curve, beats = columns(line.GetTableNode()), columns(points.GetTableNode())
        assert points.GetLabelColumnName() == "Moment"
    assert curve["Time (s)"] == pytest.approx(seconds.tolist(), rel=1e-5)
    assert curve["LV volume (mL)"] == pytest.approx(volume.tolist(), rel=1e-5, nan_ok=True)
    assert np.isnan(curve["LV volume (mL)"][4])
    assert beats["Moment"] == ["ED", "ES", "ED", "ES"]
    assert beats["Frame"] == [1, 3, 6, 7]
    assert beats["LV volume (mL)"] == pytest.approx(volume[[1, 3, 6, 7]].tolist(), rel=1e-5)
    assert beats["Time (s)"] == pytest.approx(seconds[[1, 3, 6, 7]].tolist(), rel=1e-5)


def test_the_clip_to_begin_with_is_shown_and_findings_of_others_are_hidden(written: Path) -> None:
    with cases.opened(written) as scene:
        browser, other = cases.browser_of(scene, A4C), cases.browser_of(scene, A2C)
        volume = browser.GetProxyNode(browser.GetMasterSequenceNode())
        composite = scene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
        assert composite.GetBackgroundVolumeID() == volume.GetID()
        selection = scene.GetSingletonNode("Singleton", "vtkMRMLSelectionNode")
        assert selection.GetActiveVolumeID() == volume.GetID()
        assert cases.proxy_of(browser, "vtkMRMLSegmentationNode").GetDisplayVisibility()
        assert cases.proxy_of(browser, "vtkMRMLMarkupsFiducialNode").GetDisplayVisibility()
        assert not cases.proxy_of(other, "vtkMRMLSegmentationNode").GetDisplayVisibility()
        display = volume.GetDisplayNode()
        assert (display.GetAutoWindowLevel(), display.GetWindow(), display.GetLevel()) == (0, 255.0, 127.5)
        assert display.GetColorNode().GetName() == "Grey"


def test_the_view_shows_the_whole_frame_upright(written: Path) -> None:
    with cases.opened(written) as scene:
        view = scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
        matrix = view.GetXYToRAS()
        width, height, _ = view.GetDimensions()
        corners = [matrix.MultiplyPoint((x, y, 0, 1))[:3] for x, y in ((0, height), (width, height), (0, 0))]
    top_left, top_right, bottom_left = pixelsFromRas(corners, ijkToRas(cases.make_cine().scale.mm_per_px))
    assert top_left[0] < 0 and top_left[1] < 0.5
    assert top_right[0] > cases.COLUMNS - 1 and top_right[1] == pytest.approx(top_left[1])
    assert bottom_left[1] > cases.ROWS - 1 and bottom_left[0] == pytest.approx(top_left[0])


def test_a_scene_keeps_name_and_color_of_the_red_view(written: Path) -> None:
    """Slicer copies what it reads onto its own view: empty ones would make the red view gray and nameless."""
    with newScene() as scene:
        view = scene.CreateNodeByClass("vtkMRMLSliceNode")
        for name in ("SingletonTag", "LayoutName", "Name"):
            getattr(view, f"Set{name}")("Red")
        view.SetLayoutLabel("R")
        view.SetLayoutColor(*view.GetRedColor())
        view = scene.AddNode(view)
        with chdir("."):
            assert scene.ReadFromMRB(str(written))
        assert scene.GetSingletonNode("Red", "vtkMRMLSliceNode") is view
        assert (view.GetLayoutLabel(), view.GetLayoutName()) == ("R", "Red")
        assert view.GetLayoutColor() == pytest.approx(view.GetRedColor(), abs=1e-4)


def test_the_view_of_an_older_scene_gets_name_and_color_when_a_clip_is_shown(written: Path) -> None:
    with cases.opened(written) as scene:
        view = scene.GetSingletonNode("Red", "vtkMRMLSliceNode")
        view.SetLayoutLabel("")
        view.SetLayoutColor(*view.GetGrayColor())
        showClip(scene, [cases.browser_of(scene, A2C)], 0, keepLayout=True)
        assert view.GetLayoutLabel() == "R" and view.GetLayoutColor() == view.GetRedColor()


def contents(data: bytes) -> bytes:
    """Everything in an archive: names and contents, archives in it opened, compressed images unpacked."""
    parts = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            inner = archive.read(name)
            parts += [name.encode(), inner]
            if name.endswith(".mrb"):
                parts.append(contents(inner))
            if name.endswith(".nrrd") and b"encoding: gzip" in inner:
                parts.append(zlib.decompress(inner[inner.index(b"\n\n") + 2 :], wbits=zlib.MAX_WBITS | 16))
    return b"\n".join(parts)


def test_nothing_in_a_scene_tells_the_patient_or_this_computer(tmp_path: Path) -> None:
    folder = tmp_path / "DOE^JANE 1961-02-03"
    folder.mkdir()
    clip = cases.make_clip("Doe_Jane-19610203", simulated=False)
    cine = replace(
        clip.cine,
        path=folder / "Doe_Jane.dcm",
        identifying=("PatientName", "PatientBirthDate"),
        warnings=("Doe_Jane.dcm has a strange header",),
    )
    told = replace(
        cases.make_measurements(clip.id, clip.id)[0], warnings=(f"Only one beat in {clip.id}, and {clip.id}: short",)
    )
    path = writeScene(folder / "Doe Jane.mrb", SceneStudy((replace(clip, cine=cine),), (told,)))
    text = contents(path.read_bytes())
    assert b"Only one beat in A4C, and A4C: short" in text
    for word in (b"doe", b"jane", b"1961", b"patientname", b"patientbirthdate"):
        assert word not in text.lower()
    for place in (str(tmp_path), str(Path.home()), str(Path.cwd()), "echoapex-mrb-", "echoapex-scene-"):
        assert len(place) < 2 or place.encode() not in text
    assert not re.findall(rb'fileName="(?:/|[A-Za-z]:|file:)[^"]*"', text)
