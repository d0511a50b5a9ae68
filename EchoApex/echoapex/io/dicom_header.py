"""Opens a DICOM header, refuses what is no ultrasound image, and says what in it identifies the patient."""

from __future__ import annotations

import re
import warnings as python_warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import NotAClipError, ReadError
from .dicom_deflate import check_inflated_size
from .dicom_regions import find_mode, image_type_bits
from .quoting import quoted
from .size_limits import check_size

if TYPE_CHECKING:
    from pydicom import Dataset

IDENTIFYING = (
    "PatientName",
    "PatientID",
    "OtherPatientIDs",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientBirthTime",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientTelecomInformation",
    "PatientComments",
    "PatientInsurancePlanCodeSequence",
    "MedicalRecordLocator",
    "MilitaryRank",
    "ResponsiblePerson",
    "AccessionNumber",
    "AdmissionID",
    "StudyID",
    "RequestingPhysician",
    "ReferringPhysicianName",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "OperatorsName",
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "DeviceSerialNumber",
)
"""Header fields that name the patient or lead to them: the direct identifiers of DICOM PS3.15 table E.1-1.

Dates of the study and UIDs are not among them, although sharing a file may require to change those too.
"""

NO_LIBRARY = "A library that is needed to read this file cannot be imported"

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
# Enhanced US Volume Storage, and the private class of Philips' Cartesian 3D export.
_VOLUMES = ("1.2.840.10008.5.1.4.1.1.6.2", "1.2.840.113543.6.6.1.3.10002")
_BIT_SPATIAL = 0x0400  # of ImageType value 4, PS3.3 C.8.5.6.1.1: spatially related frames
_SPATIAL_VECTORS = (0x00182005, 0x00540080)  # SliceLocationVector, SliceVector
_ULTRASOUND = tuple(f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("3", "3.1", "6", "6.1"))


def read_header(path: Path) -> Dataset:
    """The header of a DICOM file without its pixels; raises `ReadError` when it cannot be read as DICOM."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    check_inflated_size(path)
    try:
        header = dcmread(path, stop_before_pixels=True, force=True)
    except (InvalidDicomError, EOFError) as error:
        raise ReadError("The DICOM header cannot be read", value=type(error).__name__, file=path) from error
    if len(header) == 0:
        raise ReadError("This file is not DICOM, or is cut short before its first value", file=path)
    return header


@contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn what goes wrong while header values are interpreted, or a library is imported, into a `ReadError`.

    Pydicom parses values when they are asked for, and damaged ones raise errors and warnings of many kinds, whose texts
    quote bytes of the header: they may identify the patient and are not passed on.
    """
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            yield
    except (ReadError, MemoryError):
        raise
    except ImportError as error:
        raise ReadError(NO_LIBRARY, value=error.name, file=path) from error
    except Exception as error:
        raise ReadError("The DICOM header is damaged", value=type(error).__name__, file=path) from error


def frame_count(header: Dataset, path: Path) -> int:
    """NumberOfFrames, 1 where it is missing or below; raises `ReadError` when it is no whole number."""
    value = header.get("NumberOfFrames")
    if value is None or value == "":
        return 1
    try:
        return max(1, int(value))
    except (TypeError, ValueError) as error:
        raise ReadError("NumberOfFrames must be a whole number", value=quoted(value), file=path) from error


def check_image(header: Dataset, path: Path) -> list[str]:
    """Refuse what is no ultrasound image of a size that can be read; returns warnings."""
    check_volume(header, path)
    warnings = _check_modality(header, path)
    for name in ("Rows", "Columns"):
        if not isinstance(header.get(name), int):
            # An object of an ultrasound image class without its size is damaged; others never had an image.
            kind = ReadError if str(header.get("SOPClassUID") or "") in _ULTRASOUND else NotAClipError
            raise kind(f"This DICOM object holds no image: {name} is missing", file=path)
    check_size(frame_count(header, path), int(header.Rows), int(header.Columns), path)
    return warnings


def check_volume(header: Dataset, path: Path) -> None:
    """Raise `NotAClipError` for 3D ultrasound, whose frames are slices and not moments."""
    slices = header.get((0x3001, 0x1001)) if (0x3001, 0x0010) in header else None
    organized = str(header.get("DimensionOrganizationType") or "").startswith("3D")
    spatial = organized or _steps_through_space(header) or bool(image_type_bits(header) & _BIT_SPATIAL)
    if str(header.get("SOPClassUID") or "") in _VOLUMES or spatial or slices is not None:
        raise NotAClipError(
            "This is a 3D volume: its frames are slices, not moments, and an echo cine is 2D", file=path
        )


def _steps_through_space(header: Dataset) -> bool:
    """Whether FrameIncrementPointer says that frames follow one another in space."""
    pointers = header.get("FrameIncrementPointer")
    listed = pointers if hasattr(pointers, "__iter__") and not isinstance(pointers, str) else [pointers]
    return any(pointer in _SPATIAL_VECTORS for pointer in listed)


def _check_modality(header: Dataset, path: Path) -> list[str]:
    modality = str(header.get("Modality") or "")
    sop_class = str(header.get("SOPClassUID") or "")
    if modality == "US":
        return []
    if sop_class in _ULTRASOUND and not modality:
        return ["The header names no modality; its object class is ultrasound"]
    # Digitized tapes and screen captures of echo are stored as other, secondary capture.
    if modality in ("", "OT") and sop_class.startswith(_SECONDARY_CAPTURE):
        return ["The header says secondary capture, not ultrasound"]
    if not re.fullmatch(r"[A-Z]{0,16}", modality):
        raise ReadError("The DICOM header is damaged: Modality is no code", value=quoted(modality), file=path)
    kind = NotAClipError if modality or sop_class else ReadError
    raise kind("An echo cine has the modality US", value=modality or "no modality", file=path)


def check_mode(header: Dataset, path: Path) -> None:
    """Raise `ReadError` for clips that show only a trace, on which there is nothing to outline."""
    mode = find_mode(header)
    if mode is not None and mode.is_trace:
        raise ReadError("This clip shows no 2D image that could be read as a cine", value=f"{mode} only", file=path)


def find_identifying(header: Dataset) -> tuple[str, ...]:
    """Names, never values, of the filled header fields that identify the patient."""
    return tuple(name for name in IDENTIFYING if header.get(name) not in (None, "", [], ()))


def privacy_warnings(header: Dataset) -> list[str]:
    """A warning where the header itself says that text is burned into the pixels."""
    if str(header.get("BurnedInAnnotation") or "").upper() == "YES":
        return ["The header says that text which may identify the patient is burned into the pixels"]
    return []
