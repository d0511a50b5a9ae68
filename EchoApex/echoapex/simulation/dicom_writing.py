"""A simulated clip as DICOM Ultrasound, with frame time, calibrated region and what machines show around the sector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..io.dicom import SIMULATION_MANUFACTURER
from ..io.dicom_view import CODES_OF_ONE_SCHEME, VIEW_CODES
from .burned_in_text import burned_in
from .presets import Case
from .screen_capture import screen_frames
from .simulated_clip import SimulatedClip

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_UID_ROOT = "EchoApex simulation"
_VIEW_NAMES = {
    "A4C": "Apical four chamber",
    "A4C_RV": "Apical four chamber RV Focused",
    "A2C": "Apical two chamber",
    "A3C": "Apical long axis",
    "PLAX": "Parasternal long axis",
    "PLAX_RVIN": "Parasternal long axis view of the RV inflow tract",
    "PLAX_RVOUT": "Parasternal long axis view of the RV outflow tract",
    "PSAX_AV": "Parasternal short axis at the aortic valve level",
    "PSAX_MV": "Parasternal short axis at the Mitral Valve level",
    "PSAX_PM": "Parasternal short axis at the Papillary Muscle level",
    "SC4C": "Subcostal long axis",
    "SCSAX": "Subcostal short axis",
    "SSN": "Suprasternal long axis view of aortic arch",
}
"""Meanings of the codes of DICOM CID 12226; the other views have none."""
_CENTIMETER = 3


def write_dicom(path: Path, clip: SimulatedClip, number: int, *, color_flow: bool = False) -> None:
    """Writes the clip, uncompressed; UIDs follow from heart, view and size, so that a study is the same every time.

    A clip simulated for an interface is written as a capture of its screen, in RGB, with ``color_flow`` if wanted; a
    single frame is written as a still. Raises `EchoApexError` for color flow without an interface.
    """
    shown = screen_frames(clip, color_flow=color_flow) if clip.interface or color_flow else burned_in(clip)
    dataset = new_dataset(clip.case, clip.view, number, clip.frames.shape)
    dataset.ViewCodeSequence = [_view_code(clip.view)] if clip.view in _VIEW_NAMES else []
    dataset.HeartRate = round(clip.case.shape.heart_rate)
    describe_pixels(dataset, shown)
    if len(shown) > 1:
        describe_time(dataset, clip.frame_time_s)
    else:
        _make_still(dataset)
    _describe_region(dataset, clip)
    dataset.save_as(path, enforce_file_format=True)


def _uid(*parts: Any) -> str:
    from pydicom.uid import generate_uid

    return str(generate_uid(entropy_srcs=[_UID_ROOT, *map(str, parts)]))


def new_dataset(case: Case, view: str, number: int, size: tuple[int, ...]) -> Dataset:
    """The ``number``-th clip of a case's study, without pixels, times and regions; ``size`` is [T, H, W]."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

    patient = (case.preset, case.seed, case.shape)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = UltrasoundMultiFrameImageStorage
    dataset.SOPInstanceUID = _uid(*patient, view, number, size)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = _uid(*patient), _uid(*patient, "series")
    dataset.PatientName, dataset.PatientID = "SIMULATED^HEART", f"SIM-{case.preset}-{case.seed}"
    dataset.PatientBirthDate = dataset.PatientSex = dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyDate = dataset.StudyTime = ""
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = "1", 1, number
    dataset.Modality, dataset.Manufacturer = "US", SIMULATION_MANUFACTURER
    dataset.ManufacturerModelName, dataset.SoftwareVersions = case.look.name, __version__
    dataset.StudyDescription, dataset.SeriesDescription = "Simulated echocardiogram", f"Simulated {view}"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    return dataset


def _view_code(view: str) -> Dataset:
    from pydicom.dataset import Dataset

    item = Dataset()
    scheme, value = CODES_OF_ONE_SCHEME.get(view) or ("SCT", VIEW_CODES[view][0])
    item.CodingSchemeDesignator, item.CodeValue, item.CodeMeaning = scheme, value, _VIEW_NAMES[view]
    return item


def describe_pixels(dataset: Dataset, frames: np.ndarray) -> None:
    """Puts gray frames ``uint8 [T, H, W]`` or colored ones ``[T, H, W, 3]`` (RGB) into a dataset, uncompressed."""
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = frames.shape[:3]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    if frames.ndim == 4:
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.LossyImageCompression, dataset.BurnedInAnnotation = "00", "NO"
    data = np.ascontiguousarray(frames).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)


def _make_still(dataset: Dataset) -> None:
    """Of a dataset with one frame, without times."""
    from pydicom.uid import UltrasoundImageStorage

    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UltrasoundImageStorage
    del dataset.NumberOfFrames


def describe_time(dataset: Dataset, frame_time_s: float) -> None:
    """Puts an even frame time into a dataset."""
    from pydicom.tag import Tag

    dataset.FrameTime = f"{1000 * frame_time_s:.6g}"
    dataset.FrameIncrementPointer = Tag("FrameTime")
    dataset.CineRate = round(1 / frame_time_s)


def _describe_region(dataset: Dataset, clip: SimulatedClip) -> None:
    from pydicom.dataset import Dataset

    canvas, region = clip.canvas, Dataset()
    rows, columns = np.nonzero(clip.imager.in_sector(canvas))
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMaxX1 = int(columns.min()), int(columns.max())
    region.RegionLocationMinY0, region.RegionLocationMaxY1 = int(rows.min()), int(rows.max())
    region.ReferencePixelX0 = round(canvas.probe_x) - int(columns.min())
    region.ReferencePixelY0 = round(canvas.probe_y) - int(rows.min())
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = _CENTIMETER
    region.ReferencePixelPhysicalValueX = region.ReferencePixelPhysicalValueY = 0.0
    region.PhysicalDeltaX = region.PhysicalDeltaY = canvas.mm_per_px / 10
    region.TransducerFrequency = round(1000 * clip.case.look.frequency_mhz)
    dataset.SequenceOfUltrasoundRegions = [region]
