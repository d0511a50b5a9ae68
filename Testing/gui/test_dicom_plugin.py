"""The DICOM plug-in: by headers alone, above Slicer's own reader only where it knows more, and quiet about patients."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pydicom.examples
import pytest
from pydicom.data import get_testdata_file
from segment_cases import real_cine

from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import TRAINING

SLICER_S_OWN = 0.7


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    clip = simulate_clip(draw_case("easy", 3), "A4C", rows=120, columns=160, beats=0.3, sampling=TRAINING)
    path = tmp_path_factory.mktemp("dicom") / "A4C.dcm"
    write_dicom(path, clip, 1)
    return path


@pytest.fixture
def plugin(host: Any) -> Any:
    import slicer

    if "EchoApexDICOMPlugin" not in sys.modules:
        from EchoApexDICOMPlugin import EchoApexDICOMPlugin

        EchoApexDICOMPlugin(type("Parent", (), {})())
    return slicer.modules.dicomPlugins["EchoApexDICOMPlugin"]()


def changed(path: Path, out: Path, **values: Any) -> str:
    """A copy with some header fields set; None removes one."""
    data = pydicom.dcmread(path)
    for name, value in values.items():
        if value is not None:
            setattr(data, name, value)
        elif name in data:
            delattr(data, name)
    data.save_as(out)
    return str(out)


def test_a_cine_with_scale_or_times_goes_before_slicer_s_reader(plugin: Any, simulated: Path, tmp_path: Path) -> None:
    times = dict.fromkeys(("FrameTime", "FrameIncrementPointer", "CineRate", "RecommendedDisplayFrameRate"))
    untimed = changed(simulated, tmp_path / "untimed.dcm", **times)
    bare = changed(Path(untimed), tmp_path / "bare.dcm", SequenceOfUltrasoundRegions=None)
    known, scaled, nothing = plugin.examineForImport([[str(simulated)], [untimed, bare]])
    assert known.confidence == scaled.confidence > SLICER_S_OWN > nothing.confidence
    assert known.selected and scaled.selected and not nothing.selected
    assert "mm per pixel; times from FrameTime" in known.tooltip and "no scale: " in nothing.tooltip


def test_the_name_is_the_view_and_no_patient_s(plugin: Any, simulated: Path, tmp_path: Path) -> None:
    path = changed(
        simulated, tmp_path / "MILLER.dcm", PatientName="Miller^Ann", SeriesDescription="Miller", InstanceNumber=7
    )
    (loadable,) = plugin.examineForImport([[path]])
    assert loadable.name == "A4C 7" and loadable.files == [path]
    assert "iller" not in f"{loadable.tooltip} {loadable.warning}"


def test_what_is_no_ultrasound_is_not_offered(plugin: Any, tmp_path: Path) -> None:
    junk = tmp_path / "junk.dcm"
    junk.write_bytes(b"not DICOM at all" * 100)
    files = [get_testdata_file(name) for name in ("CT_small.dcm", "MR_small.dcm", "rtplan.dcm")]
    assert plugin.examineForImport([[*map(str, files), str(junk), str(tmp_path / "gone.dcm")], []]) == []


def test_volumes_and_traces_are_named_as_not_read(plugin: Any, simulated: Path, tmp_path: Path) -> None:
    volume = changed(simulated, tmp_path / "volume.dcm", SOPClassUID="1.2.840.10008.5.1.4.1.1.6.2")
    trace = pydicom.dcmread(simulated)
    for region in trace.SequenceOfUltrasoundRegions:
        region.RegionSpatialFormat, region.RegionDataType = 3, 3
    trace.save_as(tmp_path / "trace.dcm")
    loadables = plugin.examineForImport([[volume, str(tmp_path / "trace.dcm")]])
    assert len(loadables) == 2
    for loadable in loadables:
        assert loadable.confidence < 0.5 and not loadable.selected
        assert loadable.warning and loadable.tooltip.startswith("Not read as a cine")


def test_a_header_that_breaks_everything_costs_nothing(
    plugin: Any, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise RuntimeError("Miller^Ann")

    monkeypatch.setattr("echoapex.io.dicom_examination.examine_header", fail)
    assert plugin.examineForImport([[str(simulated)]]) == []


def test_loading_keeps_times_scale_and_view(plugin: Any, simulated: Path) -> None:
    import slicer

    from echoapex.io import read_cine
    from EchoApexLib.cine.cineFromBrowser import cineOf
    from EchoApexLib.sliceView.redSliceSetup import shownBrowser

    slicer.mrmlScene.Clear(0)
    (loadable,) = plugin.examineForImport([[str(simulated)]])
    assert plugin.load(loadable) is True
    browser = shownBrowser(slicer.mrmlScene)
    cine, file = cineOf(browser), read_cine(simulated)
    assert browser.GetName() == "A4C (simulated)"
    assert np.array_equal(cine.frames, file.frames) and cine.scale.mm_per_px == file.scale.mm_per_px
    assert np.array_equal(cine.times.seconds, file.times.seconds) and cine.view == "A4C"


def test_the_window_is_painted_while_a_clip_is_loaded(
    plugin: Any, simulated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer
    from PySide6.QtCore import QTimer
    from PySide6.QtWidgets import QWidget
    from slicerhost.driving import settle

    class Counted(QWidget):
        painted = 0

        def paintEvent(self, event: Any) -> None:
            self.painted += 1

    monkeypatch.setattr("EchoApexLib.cine.clipOpening.PIECE_BYTES", 1)
    slicer.mrmlScene.Clear(0)
    widget, timer, seen = Counted(), QTimer(), []
    widget.show()
    settle(20)
    before = widget.painted

    def tick() -> None:
        seen.append(slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode"))
        widget.update()

    timer.timeout.connect(tick)
    timer.start(2)
    (loadable,) = plugin.examineForImport([[str(simulated)]])
    assert plugin.load(loadable) is True
    timer.stop()
    assert widget.painted - before > 5 and len(seen) > 5 and not any(seen), "its nodes come together at the end"
    widget.close()


def test_a_real_cine_is_offered_and_loads(plugin: Any) -> None:
    import slicer

    slicer.mrmlScene.Clear(0)
    (loadable,) = plugin.examineForImport([[real_cine()]])
    assert loadable.confidence > SLICER_S_OWN and plugin.load(loadable) is True


def test_a_damaged_file_is_said_and_leaves_the_scene_alone(
    plugin: Any, simulated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import slicer

    path = tmp_path / "cut.dcm"
    path.write_bytes(simulated.read_bytes()[:3000])
    said: list[str] = []
    monkeypatch.setattr(slicer.util, "errorDisplay", said.append)
    slicer.mrmlScene.Clear(0)
    loadables = plugin.examineForImport([[str(path)]])
    assert [plugin.load(loadable) for loadable in loadables] == [False] and len(said) == 1
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSequenceBrowserNode") == 0


def test_examining_needs_neither_torch_nor_opencv(simulated: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['cv2'] = sys.modules['timm'] = None\n"
        "from pathlib import Path\n"
        "from echoapex.io.dicom_examination import examine_header\n"
        f"print(examine_header(Path({str(simulated)!r})).view)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stdout.strip() == "A4C", run.stderr
