"""The header of a DICOM ultrasound clip without what leads to a person: made anew of what is listed here.

It follows the basic profile of DICOM PS3.15 annex E with the options Clean Pixel Data and, if wanted, Retain
Longitudinal Temporal Information with Modified Dates and Retain Patient Characteristics. That profile says what to
remove; here it is said what may stay, so that whatever else a file holds, private or of a later edition, is left out.
"""

from __future__ import annotations

import datetime
import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .. import __version__
from .dicom_view import VIEW_CODES, find_view
from .project_key import ProjectKey

if TYPE_CHECKING:
    from pydicom import Dataset


class Dates(StrEnum):
    """What becomes of dates and times: left out, or all of a patient's moved back by as many days."""

    REMOVED = "removed"
    SHIFTED = "shifted"


@dataclass(frozen=True)
class Profile:
    """What the user chose: ``dates``, and whether sex, age, height and weight of the patient stay."""

    dates: Dates = Dates.REMOVED
    characteristics: bool = False


@dataclass(frozen=True)
class Pseudonyms:
    """What stands for the patient, and by how many days back its dates are moved."""

    key: ProjectKey
    patient: str

    @property
    def days_back(self) -> int:
        return self.key.days_back(self.patient)


_NUMBERS = (
    *("SeriesNumber", "InstanceNumber", "StageNumber", "NumberOfStages", "ViewNumber", "NumberOfViewsInStage"),
    *("HeartRate", "CineRate", "RecommendedDisplayFrameRate", "PreferredPlaybackSequencing", "ActualFrameDuration"),
    *("MechanicalIndex", "BoneThermalIndex", "SoftTissueThermalIndex", "CranialThermalIndex", "DepthOfScanField"),
    *("FocusDepth", "TransducerFrequency", "UltrasoundColorDataPresent", "RWaveTimeVector", "PixelSpacing"),
    *("NominalScannedPixelSpacing", "LossyImageCompressionRatio"),
)
"""Fields of numbers that stay where they hold nothing else."""

_LARGEST = 99_999
"""Larger numbers are no physics of these fields: a date, or the number of somebody."""

_CHARACTERISTICS = ("PatientSize", "PatientWeight")

_REGION_NUMBERS = (
    *("RegionSpatialFormat", "RegionDataType", "RegionFlags", "RegionLocationMinX0", "RegionLocationMinY0"),
    *("RegionLocationMaxX1", "RegionLocationMaxY1", "ReferencePixelX0", "ReferencePixelY0"),
    *("PhysicalUnitsXDirection", "PhysicalUnitsYDirection", "ReferencePixelPhysicalValueX"),
    *("ReferencePixelPhysicalValueY", "PhysicalDeltaX", "PhysicalDeltaY", "TransducerFrequency"),
)

_WORDS = {
    "LossyImageCompression": ("00", "01"),
    "LossyImageCompressionMethod": ("ISO_10918_1", "ISO_14495_1", "ISO_15444_1", "ISO_13818_2", "ISO_14496_10"),
    "TransducerType": (
        *("SECTOR_PHASED", "SECTOR_MECH", "SECTOR_ANNULAR", "LINEAR", "CURVED LINEAR", "SINGLE CRYSTAL"),
        *("ENDOCAV_CLA", "ENDOCAV_RADIAL", "ENDOCAV_SECTOR", "IV_PHASED ARRAY", "IV_ROT XTAL", "IV_ROT MIRROR"),
    ),
    "Manufacturer": (
        *("GE Healthcare", "GE HEALTHCARE", "GE Medical Systems", "GE MEDICAL SYSTEMS", "GE Vingmed Ultrasound"),
        *("GE VINGMED ULTRASOUND", "GEMS Ultrasound", "Philips", "Philips Medical Systems", "Philips Healthcare"),
        *("PHILIPS", "ATL", "Hewlett-Packard", "SIEMENS", "Siemens", "Siemens Healthineers", "ACUSON", "TOSHIBA"),
        *("TOSHIBA_MEC_US", "CANON_MEC", "CANON_MEC_US", "Canon Medical Systems", "MINDRAY", "Mindray", "SAMSUNG"),
        *("SAMSUNG MEDISON CO., LTD.", "ESAOTE", "Esaote", "HITACHI", "Hitachi", "Hitachi Aloka Medical,Ltd.", "ALOKA"),
        *("FUJIFILM", "FUJIFILM SonoSite, Inc.", "SonoSite", "Butterfly Network", "EchoApex simulation"),
    ),
    "StageName": ("REST", "Rest", "BASELINE", "Baseline", "LOW DOSE", "PEAK", "PEAK DOSE", "RECOVERY", "IMMED POST"),
}
"""Texts that stay, and nothing else of these fields."""

_PROBES = ("TEE", "INTRACARDIAC", "ABDOMINAL", "BREAST", "CHEST", "ENDOCAVITARY", "ENDORECTAL", "ENDOVAGINAL")
_IMAGE_TYPE = (("ORIGINAL", "DERIVED"), ("PRIMARY", "SECONDARY"), _PROBES)
_BITS = re.compile(r"[0-9A-Fa-f]{4}")

_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
_TIMES = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")
_TIME = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9](\.[0-9]{1,6})?)?)?")
_EMPTY = ("PatientBirthDate", "PatientSex", "AccessionNumber", "ReferringPhysicianName", "StudyID")
_OLDEST_TOLD = 89
"""Years; who is older is called 90 (HIPAA Safe Harbor, 45 CFR 164.514(b)(2)(i)(C))."""

_US_IMAGE, _US_MULTIFRAME = "1.2.840.10008.5.1.4.1.1.6.1", "1.2.840.10008.5.1.4.1.1.3.1"

# CID 7050.
_BASIC = ("113100", "Basic Application Confidentiality Profile")
_CLEAN_PIXELS = ("113101", "Clean Pixel Data Option")
_MODIFIED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
_CHARACTERISTICS_CODE = ("113108", "Retain Patient Characteristics Option")


def deidentified_header(header: Dataset, names: Pseudonyms, profile: Profile, frame_count: int) -> Dataset:
    """A new header of an ultrasound clip of ``frame_count`` frames without frame times and pixels.

    ``header`` is that of the file, whose damaged values raise what pydicom raises.
    """
    from pydicom.dataset import Dataset

    clean = Dataset()
    clean.SOPClassUID = _US_MULTIFRAME if frame_count > 1 else _US_IMAGE
    clean.Modality = "US"
    clean.PatientName = clean.PatientID = names.patient
    for name in _EMPTY:
        setattr(clean, name, "")
    _put_uids(clean, header, names)
    _put_dates(clean, header, names, profile)
    _put_numbers(clean, header, _NUMBERS)
    _put_words(clean, header)
    _put_image_type(clean, header)
    if profile.characteristics:
        _put_characteristics(clean, header)
    _put_view(clean, header)
    _put_regions(clean, header)
    _put_statement(clean, profile)
    return clean


def _put_uids(clean: Dataset, header: Dataset, names: Pseudonyms) -> None:
    for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        # Where the file has none, all of the patient's that have none share one.
        text = str(header.get(name) or "").strip() or f"{name} of {names.patient}"
        setattr(clean, name, names.key.uid(text))


def _put_dates(clean: Dataset, header: Dataset, names: Pseudonyms, profile: Profile) -> None:
    clean.StudyDate = clean.StudyTime = ""
    if profile.dates is Dates.REMOVED:
        return
    for name in _DATES:
        moved = _moved(str(header.get(name) or ""), names.days_back)
        if moved:
            setattr(clean, name, moved)
    for name in _TIMES:
        text = str(header.get(name) or "").strip()
        if _TIME.fullmatch(text):
            setattr(clean, name, text)
    when = str(header.get("AcquisitionDateTime") or "").strip()
    day, time = _moved(when[:8], names.days_back), when[8:]
    if day and _TIME.fullmatch(time):
        clean.AcquisitionDateTime = day + time


def _moved(text: str, days: int) -> str:
    """A date ``YYYYMMDD`` (or ``YYYY.MM.DD``) moved back by ``days``, empty for what is none."""
    digits = text.strip().replace(".", "")
    if not re.fullmatch(r"[0-9]{8}", digits):
        return ""
    try:
        day = datetime.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        return (day - datetime.timedelta(days)).strftime("%Y%m%d")
    except (ValueError, OverflowError):
        return ""


def _put_numbers(clean: Dataset, header: Dataset, names: tuple[str, ...]) -> None:
    for name in names:
        found = _numbers(header.get(name))
        if found:
            setattr(clean, name, found if len(found) > 1 else found[0])


def _numbers(value: Any) -> list[float]:
    """The numbers of a value anew, without how they were written; none where it holds anything else."""
    values = value if hasattr(value, "__iter__") and not isinstance(value, str | bytes) else [value]
    found: list[float] = []
    for item in values:
        try:
            number = float(item)
        except (TypeError, ValueError, OverflowError):
            return []
        if not math.isfinite(number) or abs(number) > _LARGEST or isinstance(item, str | bytes):
            return []
        found.append(int(number) if number.is_integer() else float(f"{number:.9g}"))
    return found


def _put_words(clean: Dataset, header: Dataset) -> None:
    for name, known in _WORDS.items():
        text = str(header.get(name) or "").strip()
        if text in known:
            setattr(clean, name, text)
    if "Manufacturer" not in clean:
        clean.Manufacturer = ""


def _put_image_type(clean: Dataset, header: Dataset) -> None:
    """Derived, as its pixels were changed; the rest of what is known of it."""
    value = header.get("ImageType") or ()
    parts = [value] if isinstance(value, str) else list(value)
    given = [str(part).strip() for part in parts] + [""] * 4
    kept = ["DERIVED", given[1] if given[1] in _IMAGE_TYPE[1] else "PRIMARY"]
    bits = given[3] if _BITS.fullmatch(given[3]) else ""
    probe = given[2] if given[2] in _IMAGE_TYPE[2] else ""
    clean.ImageType = [*kept, probe, bits] if bits else [*kept, probe] if probe else kept


def _put_characteristics(clean: Dataset, header: Dataset) -> None:
    _put_numbers(clean, header, _CHARACTERISTICS)
    sex, age = str(header.get("PatientSex") or "").strip(), str(header.get("PatientAge") or "").strip()
    if sex in ("F", "M", "O"):
        clean.PatientSex = sex
    if re.fullmatch(r"[0-9]{3}[DWMY]", age):
        clean.PatientAge = "090Y" if age.endswith("Y") and int(age[:3]) > _OLDEST_TOLD else age


def _put_view(clean: Dataset, header: Dataset) -> None:
    """The code of a view that is ours, with our name for it."""
    view = find_view(header)
    if view not in VIEW_CODES:
        return
    clean.ViewCodeSequence = [_code(VIEW_CODES[view][0], view, "SCT")]


def _put_regions(clean: Dataset, header: Dataset) -> None:
    """The 2D images alone: what stands beside them is black now."""
    from pydicom.dataset import Dataset

    from .dicom_regions import read_regions

    items = []
    for item, region in zip(header.get("SequenceOfUltrasoundRegions") or (), read_regions(header), strict=True):
        if region.is_image:
            numbers = Dataset()
            _put_numbers(numbers, item, _REGION_NUMBERS)
            items.append(numbers)
    if items:
        clean.SequenceOfUltrasoundRegions = items


def _put_statement(clean: Dataset, profile: Profile) -> None:
    codes = [_BASIC, _CLEAN_PIXELS]
    codes += [_MODIFIED_DATES] if profile.dates is Dates.SHIFTED else []
    codes += [_CHARACTERISTICS_CODE] if profile.characteristics else []
    clean.PatientIdentityRemoved = "YES"
    clean.DeidentificationMethod = [f"EchoApex {__version__}", "header of listed fields", "black outside the sector"]
    clean.DeidentificationMethodCodeSequence = [_code(value, meaning, "DCM") for value, meaning in codes]
    clean.LongitudinalTemporalInformationModified = "MODIFIED" if profile.dates is Dates.SHIFTED else "REMOVED"
    clean.BurnedInAnnotation = "NO"


def _code(value: str, meaning: str, scheme: str) -> Dataset:
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code
