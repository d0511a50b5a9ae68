"""Writes small files with known content for the tests of `echoapex.io`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

US_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.3.1"


def real(name: str) -> Path:
    """A file that comes with pydicom or pydicom-data; never fetched."""
    path = get_testdata_file(name, download=False)
    assert path is not None, f"{name} is not installed"
    return Path(path)


def fan(frames: int = 6, rows: int = 96, columns: int = 128, seed: int = 3) -> NDArray[np.uint8]:
    """A moving fan of speckle on black, ``uint8 [T, H, W]``."""
    random = np.random.default_rng(seed)
    mask = fan_mask(rows, columns)
    return np.where(mask, random.integers(20, 220, (frames, rows, columns)), 0).astype(np.uint8)


def fan_mask(rows: int = 96, columns: int = 128) -> NDArray[np.bool_]:
    """The exact sector of `fan`: apex at the top center, 80 degrees wide."""
    y, x = np.mgrid[:rows, :columns]
    dx, dy = x - columns / 2, y - 4.0
    radius = np.hypot(dx, dy)
    return (radius < rows * 0.88) & (radius > 4) & (np.abs(dx) <= dy * np.tan(np.deg2rad(40)))


def region(**changes: Any) -> Dataset:
    """A 2D tissue region over the whole 128 x 96 frame, 0.05 cm per pixel."""
    item = Dataset()
    values = {
        "RegionSpatialFormat": 1,
        "RegionDataType": 1,
        "RegionFlags": 0,
        "RegionLocationMinX0": 0,
        "RegionLocationMinY0": 0,
        "RegionLocationMaxX1": 127,
        "RegionLocationMaxY1": 95,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": 0.05,
        "PhysicalDeltaY": 0.05,
    }
    for name, value in {**values, **changes}.items():
        setattr(item, name, value)
    return item


ECG_REGION = {
    "RegionSpatialFormat": 4,
    "RegionDataType": 10,
    "RegionLocationMinY0": 80,
    "PhysicalUnitsXDirection": 4,
    "PhysicalUnitsYDirection": 0,
    "PhysicalDeltaX": 0.01,
    "PhysicalDeltaY": 0.0,
}


def dicom(pixels: NDArray[Any] | None = None, syntax: str = ExplicitVRLittleEndian, **tags: Any) -> FileDataset:
    """An ultrasound object over ``pixels`` ``[T, H, W]`` or ``[T, H, W, 3]``; tags set to None are left out."""
    pixels = fan() if pixels is None else pixels
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = US_MULTIFRAME, generate_uid()
    meta.TransferSyntaxUID = syntax
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    samples = pixels.shape[3] if pixels.ndim == 4 else 1
    values = {
        "SOPClassUID": US_MULTIFRAME,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "US",
        "NumberOfFrames": len(pixels),
        "Rows": pixels.shape[1],
        "Columns": pixels.shape[2],
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "RGB" if samples == 3 else "MONOCHROME2",
        "PlanarConfiguration": 0 if samples == 3 else None,
        "BitsAllocated": 8 * pixels.dtype.itemsize,
        "BitsStored": 8 * pixels.dtype.itemsize,
        "HighBit": 8 * pixels.dtype.itemsize - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
    }
    for name, value in {**values, **tags}.items():
        if value is not None:
            setattr(data, name, value)
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    data.PixelData = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    return data


def save(data: FileDataset, path: Path) -> Path:
    """Write a dataset in its own transfer syntax."""
    syntax = data.file_meta.TransferSyntaxUID
    data["PixelData"].VR = "OB" if data.BitsAllocated == 8 else "OW"
    if syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian):
        implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
        dcmwrite(path, data, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    else:
        data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
        data.save_as(path, enforce_file_format=True)
    return path


def save_frames(streams: list[bytes], syntax: str, path: Path, **tags: Any) -> Path:
    """Write compressed frames made elsewhere, under the header given by ``tags``."""
    rows, columns = tags.pop("Rows", 96), tags.pop("Columns", 128)
    data = dicom(np.zeros((len(streams), rows, columns), np.uint8), syntax, **tags)
    data.PixelData = encapsulate(streams)
    return save(data, path)


def transcode(source: Path, target: Path, syntax_name: str) -> Path:
    """Compress a DICOM file with GDCM; ``syntax_name`` is a name of ``gdcm.TransferSyntax``."""
    import gdcm

    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax_name)))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(target))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    return target
