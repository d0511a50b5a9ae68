"""The pixel data of a DICOM file before they are decoded: how they are stored, in how many frames, and as what."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ReadError
from .dicom_deflate import check_inflated_size
from .dicom_fragments import hidden_syntax, split_frames
from .jpeg_color import JpegMarkers, read_markers
from .quoting import quoted, uid_name
from .size_limits import check_size

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
        return read_markers(self.fragments[0]) if coded else JpegMarkers()


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


def is_video(data: Dataset) -> bool:
    """Whether the pixel data are one MPEG stream."""
    return str(data.file_meta.TransferSyntaxUID).removesuffix(".1") in _VIDEO


def open_source(data: Dataset, path: Path) -> PixelSource:
    """What is stored, as many frames as are there; raises `ReadError` with the rule broken.

    NumberOfFrames that is missing or wrong, and a transfer syntax that the pixel data deny, become warnings.
    """
    _check_samples(data, path)
    stated = int(data.get("NumberOfFrames") or 0) or None
    source = PixelSource(data, path, stated or 1, _declared_model(data, path))
    _settle_syntax(source)
    if source.native:
        source.count = _native_count(source)
    else:
        source.fragments = split_frames(data.PixelData, stated, jpeg=source.syntax in JPEG_FAMILY, path=path)
        source.count = len(source.fragments)
        if not source.fragments:
            raise ReadError("The pixel data are cut short", value="no frame", file=path)
    check_size(*source.shape, path)
    if source.count != (stated or 1):
        said = "missing" if stated is None else f"{stated}"
        source.warnings.append(f"NumberOfFrames is {said}; {source.count} frames are there and were read")
    _settle_bits(source)
    return source


def _declared_model(data: Dataset, path: Path) -> str:
    declared = str(data.get("PhotometricInterpretation") or "")
    if declared in ONE_SAMPLE:
        samples, model = 1, declared
    elif declared in _COLOR_MODELS:
        samples, model = 3, _COLOR_MODELS[declared]
    else:
        known = ", ".join((*ONE_SAMPLE, *_COLOR_MODELS))
        found = quoted(declared) if declared else "none"
        raise ReadError(f"PhotometricInterpretation must be one of {known}", value=found, file=path)
    if int(data.get("SamplesPerPixel") or 1) != samples:
        raise ReadError(f"{declared} has {samples} samples per pixel", value=data.get("SamplesPerPixel"), file=path)
    return model


def _check_samples(data: Dataset, path: Path) -> None:
    allocated = data.get("BitsAllocated")
    if allocated not in (8, 16):
        raise ReadError("BitsAllocated of an echo image is 8 or 16", value=quoted(allocated), file=path)
    if not 1 <= int(data.get("BitsStored") or 0) <= allocated:
        raise ReadError("BitsStored must be from 1 to BitsAllocated", value=quoted(data.get("BitsStored")), file=path)


def _settle_syntax(source: PixelSource) -> None:
    """Let the pixel data overrule a header that calls compressed frames uncompressed."""
    from pydicom.uid import UID

    actual = hidden_syntax(source.data.PixelData, source.path) if source.native else None
    if actual is not None:
        name = uid_name(actual)
        source.warnings.append(f"The header says {source.syntax_name}, but the pixel data are {name}; read as such")
        source.data.file_meta.TransferSyntaxUID = UID(actual)


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


def _settle_bits(source: PixelSource) -> None:
    """Let the image overrule the header on how many bits a sample has: a wrong number makes decoders fail."""
    bits = source.markers.bits
    # Lossless encoders may code 12 bits as 16; the samples show it then.
    roomy = 8 < source.bits < bits <= int(source.data.BitsAllocated)
    if bits in (0, source.bits) or not 2 <= bits <= 16 or roomy:
        return
    source.warnings.append(f"The header says {source.bits} bits stored, but the JPEG data have {bits}; read as {bits}")
    source.data.BitsStored, source.data.HighBit = bits, bits - 1
    source.data.BitsAllocated = 8 if bits <= 8 else 16
