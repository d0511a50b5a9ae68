"""The pixel data of a DICOM file before they are decoded: how they are stored, in how many frames, and as what."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ReadError
from .dicom_deflate import check_inflated_size
from .dicom_fragments import ITEM, RLE, read_fragments, split_frames, syntaxes_of_frames
from .dicom_layout import settle_layout
from .jpeg_color import JpegMarkers, coded_samples, read_markers, starts_image
from .quoting import quoted, uid_name
from .size_limits import check_size
from .video import is_container

if TYPE_CHECKING:
    from pydicom import Dataset

BASELINE = "1.2.840.10008.1.2.4.50"
PROCESS_JPEG = {BASELINE, *(f"1.2.840.10008.1.2.4.{end}" for end in ("51", "57", "70"))}
JPEG_FAMILY = {*PROCESS_JPEG, *(f"1.2.840.10008.1.2.4.{end}" for end in ("80", "81", "90", "91"))}
GRAY, INVERTED, PALETTE = "MONOCHROME2", "MONOCHROME1", "PALETTE COLOR"
ONE_SAMPLE = (GRAY, INVERTED, PALETTE)
_NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
_JPEG_LS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
# MPEG-2, MPEG-4 AVC and HEVC, PS3.5 10.17 to 10.20; a further ".1" says that the stream may lie in several fragments.
_VIDEO = tuple(f"1.2.840.10008.1.2.4.{end}" for end in range(100, 109))
_COLOR_MODELS = {"RGB": "RGB", "YBR_ICT": "RGB", "YBR_RCT": "RGB", "YBR_FULL": "YBR_FULL", "YBR_FULL_422": "YBR_FULL"}


_PARTIAL_MODELS = {"YBR_PARTIAL_420": "YBR_FULL", "YBR_PARTIAL_422": "YBR_FULL"}
"""Written for video and by old machines; JPEG images are of the full range whatever the header says."""


@dataclass
class PixelSource:
    """What decoding needs: the dataset, ``count`` frames, compressed as ``fragments`` if at all, and what they mean."""

    data: Dataset
    path: Path
    count: int
    color_model: str
    fragments: list[bytes] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def syntax(self) -> str:
        return str(self.data.file_meta.TransferSyntaxUID)

    @property
    def syntax_name(self) -> str:
        return uid_name(self.data.file_meta.TransferSyntaxUID)

    @property
    def native(self) -> bool:
        """Whether the pixels are stored uncompressed."""
        return self.syntax in _NATIVE

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.count, int(self.data.Rows), int(self.data.Columns)

    @property
    def bits(self) -> int:
        return int(self.data.BitsStored)

    @property
    def markers(self) -> JpegMarkers:
        """What the first image says of itself."""
        coded = self.syntax in PROCESS_JPEG | _JPEG_LS
        return read_markers(next(filter(starts_image, self.fragments), b"")) if coded else JpegMarkers()


def read_data(path: Path) -> Dataset:
    """The whole file, with a transfer syntax; raises `ReadError` when it is cut short or has no pixel data."""
    from pydicom import dcmread

    check_inflated_size(path)
    try:
        data = dcmread(path, force=True)
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # a file cut short breaks the parser in many ways
        raise ReadError("The file is cut short or damaged", value=type(error).__name__, file=path) from error
    if not data.get("PixelData"):
        raise ReadError("This DICOM object holds no pixel data, or is cut short before it", file=path)
    _complete_meta(data)
    return data


def _complete_meta(data: Dataset) -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if not hasattr(data, "file_meta"):
        data.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in data.file_meta:
        implicit, little = data.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def is_video(data: Dataset, path: Path) -> bool:
    """Whether the pixel data are one MPEG stream, by what they hold where the header and they do not agree."""
    if not data.PixelData.startswith(ITEM) or syntaxes_of_frames(data.PixelData, path):
        return False
    declared = str(data.file_meta.TransferSyntaxUID).removesuffix(".1") in _VIDEO
    return declared or is_container(next(iter(read_fragments(data.PixelData, path)), b""))


def open_source(data: Dataset, path: Path) -> PixelSource:
    """What is stored, as many frames as are there; raises `ReadError` with the rule broken.

    What the header says of syntax, samples, bits and NumberOfFrames, and the pixel data deny, becomes a warning.
    """
    stated = int(data.get("NumberOfFrames") or 0)
    expected = stated if stated > 0 else None
    source = PixelSource(data, path, expected or 1, "")
    _settle_syntax(source)
    if not source.native:
        source.fragments = split_frames(data.PixelData, expected, jpeg=source.syntax != RLE, path=path)
        source.count = len(source.fragments)
        if not source.fragments:
            raise ReadError("The pixel data are cut short", value="no frame", file=path)
        _settle_stream(source)
    _check_bits(data, path)
    if source.native:
        source.warnings += settle_layout(data, expected)
    source.color_model = _color_model(source)
    if source.native:
        source.count = _native_count(source)
    check_size(*source.shape, path)
    if source.count != (expected or 1) or (stated < 1 and "NumberOfFrames" in data):
        said = "missing" if data.get("NumberOfFrames") is None else f"{stated}"
        source.warnings.append(f"NumberOfFrames is {said}; {source.count} frames are there and were read")
    return source


def _color_model(source: PixelSource) -> str:
    """What the samples mean by the header; raises `ReadError` where that is not known or does not fit their number."""
    data, path = source.data, source.path
    declared = str(data.get("PhotometricInterpretation") or "")
    samples = int(data.get("SamplesPerPixel") or 1)
    models = _COLOR_MODELS if source.native else {**_COLOR_MODELS, **_PARTIAL_MODELS}
    if declared not in (*ONE_SAMPLE, *models):
        known = ", ".join((*ONE_SAMPLE, *_COLOR_MODELS))
        found = quoted(declared) if declared else "none"
        raise ReadError(f"PhotometricInterpretation must be one of {known}", value=found, file=path)
    wanted = 1 if declared in ONE_SAMPLE else 3
    if samples != wanted:
        raise ReadError(f"{declared} has {wanted} samples per pixel", value=data.get("SamplesPerPixel"), file=path)
    return declared if declared in ONE_SAMPLE else models[declared]


def _check_bits(data: Dataset, path: Path) -> None:
    allocated = data.get("BitsAllocated")
    if allocated not in (8, 16):
        raise ReadError("BitsAllocated of an echo image is 8 or 16", value=quoted(allocated), file=path)
    if not 1 <= int(data.get("BitsStored") or 0) <= allocated:
        raise ReadError("BitsStored must be from 1 to BitsAllocated", value=quoted(data.get("BitsStored")), file=path)


def _settle_syntax(source: PixelSource) -> None:
    """Let the pixel data overrule a header that names another transfer syntax than theirs."""
    from pydicom.uid import UID, ExplicitVRLittleEndian

    pixels = source.data.PixelData
    if pixels.startswith(ITEM):
        may_be = syntaxes_of_frames(pixels, source.path)
        if not may_be or source.syntax in may_be:
            return
        actual = may_be[0]
    elif source.native:
        return
    else:
        actual = str(ExplicitVRLittleEndian)
    name = "not compressed" if actual in _NATIVE else uid_name(actual)
    source.warnings.append(f"The header says {source.syntax_name}, but the pixel data are {name}; read as such")
    source.data.file_meta.TransferSyntaxUID = UID(actual)


def _settle_stream(source: PixelSource) -> None:
    """Let the first image overrule the header on samples and bits: wrong numbers make decoders fail or give noise."""
    image = next((part for part in source.fragments if starts_image(part)), b"")
    _settle_samples(source, coded_samples(image))
    bits = source.markers.bits
    stored, allocated = (int(source.data.get(name) or 0) for name in ("BitsStored", "BitsAllocated"))
    # Lossless encoders may code 12 bits as 16; the samples show it then.
    roomy = 8 < stored < bits <= allocated
    if not 2 <= bits <= 16 or roomy or (bits == stored and allocated in (8, 16)):
        return
    found = f"{stored} bits stored of {allocated}"
    source.warnings.append(f"The header says {found}, but the JPEG data have {bits}; read as {bits}")
    source.data.BitsStored, source.data.HighBit = bits, bits - 1
    source.data.BitsAllocated = 8 if bits <= 8 else 16


def _settle_samples(source: PixelSource, samples: int) -> None:
    data = source.data
    said, declared = int(data.get("SamplesPerPixel") or 1), str(data.get("PhotometricInterpretation") or "")
    gray = declared in ("", *ONE_SAMPLE)
    if samples not in (1, 3) or (declared and said == samples and gray == (samples == 1)):
        return
    if gray == (samples == 1):
        model = declared or GRAY
    else:
        model = GRAY if samples == 1 else "YBR_FULL" if source.syntax in PROCESS_JPEG else "RGB"
    number = "1 sample" if said == 1 else f"{said} samples"
    words = f"The header says {number} a pixel ({quoted(declared or 'nothing more')})"
    source.warnings.append(f"{words}, but the images have {samples}; they were read as {model}")
    data.SamplesPerPixel, data.PhotometricInterpretation = samples, model
    if samples == 3:
        data.PlanarConfiguration = int(data.get("PlanarConfiguration") or 0)


def _native_count(source: PixelSource) -> int:
    """How many whole frames are stored; raises `ReadError` when the last one is cut short."""
    samples = int(source.data.get("SamplesPerPixel") or 1)
    _, rows, columns = source.shape
    size = rows * columns * samples * (int(source.data.BitsAllocated) // 8)
    if source.data.PhotometricInterpretation == "YBR_FULL_422":
        size = size * 2 // 3
    length, needed = len(source.data.PixelData), size * source.count
    # A file that ends with a whole frame was not cut; one more byte makes the length even.
    if length < needed and (length < size or length % size > 1):
        raise ReadError("The pixel data are cut short", value=f"{length:,} of {needed:,} bytes", file=source.path)
    if length > needed and length % size > 1:
        surplus = f"{length % size:,} bytes after the last whole frame were left out"
        source.warnings.append(f"The pixel data are longer than their frames: {surplus}")
    return length // size
