"""What DICOM headers say of the view, the stage of a stress test, contrast and the probe."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pydicom
import pytest
import SimpleITK
from io_writers import dicom, fan, region, save

from echoapex.cine import Cine, Setting
from echoapex.io import describe, read_cine
from echoapex.simulation import VIEWS as SIMULATED_VIEWS
from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import Sampling

QUICK = Sampling(depth_samples=160, beams=64, scatterers_per_cell=2.0, slab_mm=0.0)


def read(tmp_path: Path, **tags: Any) -> Cine:
    return read_cine(save(dicom(**tags), tmp_path / "clip.dcm"))


def test_a_view_is_only_what_the_header_names(tmp_path: Path) -> None:
    a4c, chords = coded("SCT", "399214001"), coded("SCT", "399371001")
    assert read(tmp_path, ViewCodeSequence=a4c).view == "A4C"
    assert read(tmp_path, ViewCodeSequence=chords).view is None
    assert read(tmp_path, ViewCodeSequence=pydicom.Sequence([*a4c, *chords])).view is None
    assert read(tmp_path).view is None


def coded(scheme: str, value: str, meaning: str = "") -> pydicom.Sequence:
    item = pydicom.Dataset()
    item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning = scheme, value, meaning
    return pydicom.Sequence([item])


@pytest.mark.parametrize(
    ("scheme", "value", "view"),
    [
        ("SRT", "G-A19C", "A4C"),
        ("SRT", "G-A19B", "A2C"),
        ("SNM3", "G-0396", "PLAX"),
        ("99SDM", "G-0395", "A3C"),
        ("SCT", "399232001", "A2C"),
        ("DCM", "130681", "A4C_RV"),
        ("SRT", "399214001", None),
        ("SCT", "G-A19C", None),
        ("99ACME", "G-A19C", None),
    ],
)
def test_views_are_read_in_the_codes_of_old_and_new_machines(
    tmp_path: Path, scheme: str, value: str, view: str | None
) -> None:
    assert read(tmp_path, ViewCodeSequence=coded(scheme, value)).view == view


def test_one_view_in_two_codes_is_one_view(tmp_path: Path) -> None:
    both = pydicom.Sequence([*coded("SRT", "G-A19C"), *coded("SCT", "399214001")])
    assert read(tmp_path, ViewCodeSequence=both).view == "A4C"


@pytest.mark.parametrize("view", SIMULATED_VIEWS)
def test_the_view_that_a_simulated_clip_names_is_read_back(tmp_path: Path, view: str) -> None:
    clip = simulate_clip(draw_case("easy", 900_120), view, rows=48, columns=64, sampling=QUICK, max_frames=2)
    write_dicom(tmp_path / "clip.dcm", clip, 1)
    named = bool(pydicom.dcmread(tmp_path / "clip.dcm").ViewCodeSequence)
    assert read_cine(tmp_path / "clip.dcm").view == (view if named else None)
    assert named or view in ("A5C", "PSAX_APEX", "SCIVC", "ZOOM")


DOBUTAMINE = {"PerformedProtocolCodeSequence": coded("SCT", "424225000", "Dobutamine Stress protocol")}


@pytest.mark.parametrize(
    ("tags", "setting"),
    [
        ({}, Setting()),
        ({"StageName": "Rest"}, Setting()),
        ({"StageName": "BASELINE 1", "ProtocolName": "Exercise stress"}, Setting()),
        ({"StageName": " Peak  Dose "}, Setting("peak dose")),
        ({"StageNumber": 2, "NumberOfStages": 4}, Setting("2")),
        ({"StageNumber": 1, "NumberOfStages": 1}, Setting()),
        ({"ProtocolName": "Stress Echo"}, Setting("of a stress test that is not named")),
        ({"ProtocolName": "Adult Echo"}, Setting()),
        (DOBUTAMINE, Setting("of a stress test that is not named")),
        ({"ContrastBolusAgent": "SonoVue"}, Setting(contrast=True)),
        ({"ContrastBolusAgent": "NONE"}, Setting()),
        ({"ProtocolName": "LVO"}, Setting(contrast=True)),
        ({"TransducerType": "ENDOCAV_PA"}, Setting(probe="transesophageal")),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TEE", "0001"]}, Setting(probe="transesophageal")),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TTE", "0001"]}, Setting()),
        ({"TransducerApplicationCodeSequence": coded("DCM", "125262")}, Setting(probe="transesophageal")),
        ({"TransducerType": "IV_PHASED"}, Setting(probe="intracardiac")),
        ({"TransducerOrientation": "ROTATED"}, Setting(probe="rotated")),
    ],
)
def test_stage_contrast_and_probe_are_read(tmp_path: Path, tags: dict[str, Any], setting: Setting) -> None:
    assert read(tmp_path, **tags).setting == setting


@pytest.mark.parametrize("mode", ["2D", "trace"])
def test_info_shows_how_a_clip_was_recorded(tmp_path: Path, mode: str) -> None:
    tags: dict[str, Any] = {"StageName": "Peak", "ProtocolName": "Exercise  Echo", "TransducerOrientation": "ROTATED"}
    if mode == "trace":
        tags["SequenceOfUltrasoundRegions"] = pydicom.Sequence([region(RegionSpatialFormat=3, RegionDataType=3)])
    found = describe(save(dicom(ViewCodeSequence=coded("SCT", "399214001"), **tags), tmp_path / "clip.dcm"))
    shown = {name: found[name] for name in ("view", "stage", "protocol", "contrast", "probe")}
    wanted = {"stage": "peak", "protocol": "Exercise Echo", "contrast": False, "probe": "rotated"}
    assert shown == {"view": "A4C", **wanted}


def test_info_says_what_is_usual_and_nothing_of_files_that_cannot_tell(tmp_path: Path) -> None:
    found = describe(save(dicom(), tmp_path / "clip.dcm"))
    assert (found["stage"], found["protocol"], found["probe"]) == ("rest", None, "transthoracic")
    image = SimpleITK.GetImageFromArray(fan())
    SimpleITK.WriteImage(image, str(tmp_path / "clip.nrrd"))
    assert describe(tmp_path / "clip.nrrd")["stage"] is None


@pytest.mark.parametrize("name", ["x" * 70, "Peak\x00PN ROE^JANE"])
def test_what_is_no_name_of_a_stage_or_protocol_is_not_shown(tmp_path: Path, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        setting = read(tmp_path, StageName=name, ProtocolName=name).setting
    assert setting.stage == setting.protocol == f"{len(name)} characters of another form, not shown"
