"""Compressed files where python-gdcm is missing, as it must be in 3D Slicer: the same gray, or a refusal that helps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from io_writers import dicom, fan, real, save, transcode
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames

from echoapex.io import read_cine

ENGINE = Path(__file__).resolve().parents[2] / "EchoApex"

CHILD = """
import hashlib, json, sys
sys.modules["gdcm"] = sys.modules["_gdcm"] = None
from echoapex.errors import EchoApexError
from echoapex.io import read_cine
for path in sys.argv[1:]:
    try:
        cine = read_cine(path)
        found = {"frames": hashlib.sha256(cine.frames.tobytes()).hexdigest(), "warnings": cine.warnings}
    except EchoApexError as refusal:
        found = {"refusal": str(refusal)}
    print(json.dumps(found))
"""


def read_without_gdcm(*paths: Path) -> list[dict[str, Any]]:
    """What a Python without gdcm makes of the files: the hash of the frames and the warnings, or the refusal."""
    command = [sys.executable, "-c", CHILD, *map(str, paths)]
    environment = os.environ | {"PYTHONPATH": str(ENGINE)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return [json.loads(line) for line in done.stdout.splitlines()]


def same(found: dict[str, Any], frames: NDArray[np.uint8]) -> bool:
    return found.get("frames") == sha256(frames.tobytes()).hexdigest()


BY_SIMPLEITK = [
    "JPGLosslessP14SV1_1s_1f_8b.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "JPEGLSNearLossless_16.dcm",
    "GDCMJ2K_TextGBR.dcm",
]
BY_OTHERS = ["examples_ybr_color.dcm", "SC_rgb_jpeg_dcmtk.dcm", "US1_J2KR.dcm", "SC_rgb_rle_2frame.dcm"]


def test_real_files_read_as_with_gdcm_and_say_by_what() -> None:
    names = [*BY_SIMPLEITK, *BY_OTHERS]
    for name, found in zip(names, read_without_gdcm(*map(real, names)), strict=True):
        assert same(found, read_cine(real(name)).frames), name
        assert any("SimpleITK" in warning for warning in found["warnings"]) is (name in BY_SIMPLEITK), name


def color(frames: int = 2) -> NDArray[np.uint8]:
    """Speckle in three samples a pixel that have nothing to do with each other."""
    return np.stack([fan(frames, seed=seed) for seed in range(3)], axis=-1)


CONVERTED = {
    "MONOCHROME1": (fan(2), {"PhotometricInterpretation": "MONOCHROME1"}, 255 - fan(2)),
    "YBR_FULL": (color(), {"PhotometricInterpretation": "YBR_FULL"}, color()[..., 0]),
    "rescaled": (fan(2), {"RescaleSlope": "2", "RescaleIntercept": "-100"}, fan(2)),
    "signed": ((fan(2).astype(np.int16) - 128).astype(np.int8), {}, fan(2)),
    "12 bits": (fan(2).astype(np.uint16) * 16 + 7, {"BitsStored": 12, "HighBit": 11}, fan(2)),
}
"""By name what is stored, the header that declares something to do with it, and the gray that is right."""


@pytest.mark.parametrize("syntax", ["JPEGLosslessProcess14_1", "JPEGLSLossless"])
def test_what_is_stored_is_not_converted_on_the_way(tmp_path: Path, syntax: str) -> None:
    paths = [tmp_path / f"{name}.dcm" for name in CONVERTED]
    for path, (stored, tags, _) in zip(paths, CONVERTED.values(), strict=True):
        transcode(save(dicom(stored, **tags), tmp_path / "raw.dcm"), path, syntax)
    for (name, (_, _, gray)), found in zip(CONVERTED.items(), read_without_gdcm(*paths), strict=True):
        assert same(found, gray), name
        assert sum("SimpleITK" in warning for warning in found["warnings"]) == 1, name


def test_twelve_bit_jpeg_is_read_with_gdcm_and_without(tmp_path: Path) -> None:
    stored, tags, gray = CONVERTED["12 bits"]
    path = transcode(save(dicom(stored, **tags), tmp_path / "raw.dcm"), tmp_path / "a.dcm", "JPEGExtendedProcess2_4")
    cine = read_cine(path)
    assert np.abs(cine.frames.astype(int) - gray).max() <= 1
    assert any("SimpleITK" in warning for warning in cine.warnings)
    assert same(read_without_gdcm(path)[0], cine.frames)


def test_what_nothing_decodes_is_refused_in_one_sentence_with_what_helps_where(tmp_path: Path) -> None:
    path = transcode(save(dicom(fan(1)), tmp_path / "raw.dcm"), tmp_path / "a.dcm", "JPEGLSLossless")
    data = dcmread(path)
    (frame,) = generate_frames(data.PixelData, number_of_frames=1)
    data.PixelData = encapsulate([frame[:40] + b"\xff" * (len(frame) - 42) + b"\xff\xd9"])
    data.save_as(path)
    refusal = read_without_gdcm(path)[0]["refusal"]
    assert refusal.startswith(f"{path}: ") and refusal.count("\n") == 0
    assert refusal.endswith("(found: JPEG-LS Lossless Image Compression).")
    assert "export the file uncompressed" in refusal


HARMFUL = {
    "bits": ("JPEGLosslessProcess14_1", {"BitsStored": 4}),
    "rows": ("JPEGLSLossless", {"Rows": 200}),
    "columns": ("JPEGLSLossless", {"Columns": 3000}),
}
"""Headers on which python-gdcm ends the whole process."""


@pytest.mark.parametrize("kind", HARMFUL)
def test_no_file_ends_the_process(tmp_path: Path, kind: str) -> None:
    syntax, changes = HARMFUL[kind]
    path = transcode(save(dicom(color()), tmp_path / "raw.dcm"), tmp_path / "a.dcm", syntax)
    data = dcmread(path)
    for name, value in changes.items():
        setattr(data, name, value)
    data.save_as(path)
    code = CHILD.replace('sys.modules["gdcm"] = sys.modules["_gdcm"] = None', "import gdcm")
    command = [sys.executable, "-c", code, str(path)]
    environment = os.environ | {"PYTHONPATH": str(ENGINE)}
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    assert ("JPEG data have 8; read as 8" if kind == "bits" else "another size") in found.stdout
