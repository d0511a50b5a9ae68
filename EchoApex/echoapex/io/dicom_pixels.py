"""Gray frames from DICOM pixel data: every transfer syntax and color model that ultrasound comes in.

Gray is the luminance Y. Data stored as YCbCr are not converted to RGB and back: their Y is taken as it is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..cine import ImageStack
from ..errors import ReadError
from ._simpleitk import simpleitk
from .color_to_gray import ColorSamples, luminance, rgb_of_ybr, sampled_frames, spread, to_eight_bits
from .jpeg_color import is_complete, read_markers

if TYPE_CHECKING:
    from pydicom import Dataset

_BASELINE = "1.2.840.10008.1.2.4.50"
_PROCESS_JPEG = {_BASELINE, *(f"1.2.840.10008.1.2.4.{end}" for end in ("51", "57", "70"))}
_JPEG_FAMILY = {*_PROCESS_JPEG, *(f"1.2.840.10008.1.2.4.{end}" for end in ("80", "81", "90", "91"))}
_NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}
_GRAY, _INVERTED, _PALETTE = "MONOCHROME2", "MONOCHROME1", "PALETTE COLOR"
_ONE_SAMPLE = (_GRAY, _INVERTED, _PALETTE)
_LAYOUT = ("Rows", "Columns", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
_COLOR_MODELS = {"RGB": "RGB", "YBR_ICT": "RGB", "YBR_RCT": "RGB", "YBR_FULL": "YBR_FULL", "YBR_FULL_422": "YBR_FULL"}
_NEUTRAL_CHROMA = 8  # Cb and Cr of an uncolored pixel lie this close to 128; red and green of an image do not
_NEUTRAL_SHARE = 0.5


@dataclass
class Pixels:
    """``gray`` is ``uint8 [T, H, W]``; ``colors`` tells the colors of a few frames (None: stored without color)."""

    gray: ImageStack
    colors: ColorSamples | None = None
    warnings: list[str] = field(default_factory=list)


@dataclass
class _Source:
    """What decoding needs to know: the dataset, its compressed frames if any, and what the samples mean."""

    data: Dataset
    path: Path
    count: int
    fragments: list[bytes]
    color_model: str
    warnings: list[str]

    @property
    def syntax(self) -> str:
        return str(self.data.file_meta.TransferSyntaxUID)

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.count, int(self.data.Rows), int(self.data.Columns)

    @property
    def bits(self) -> int:
        return int(self.data.BitsStored)


def read_pixels(path: Path, count: int, *, fast: bool = True) -> Pixels:
    """Decode the ``count`` frames of a DICOM file whose header was checked.

    JPEG baseline YCbCr goes through OpenCV, luminance only, where OpenCV is installed and ``fast`` is true; everything
    else through pydicom, and through SimpleITK where pydicom has no decoder. Raises `ReadError` with the rule broken.
    """
    source = _open(path, count)
    if fast and _fits_fast_path(source):
        return _decode_fast(source)
    try:
        return _to_gray(source, _frames(source))
    except ReadError:
        raise
    except Exception as error:  # decoders raise whatever their C++ side throws
        raise ReadError("The pixel data cannot be decoded", value=_first_line(error), file=path) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _open(path: Path, count: int) -> _Source:
    from pydicom import dcmread

    try:
        data = dcmread(path, force=True)
    except Exception as error:  # a file cut short breaks the parser in many ways
        raise ReadError("The file is cut short or damaged", value=type(error).__name__, file=path) from error
    if not data.get("PixelData"):
        raise ReadError("This DICOM object holds no pixel data, or is cut short before it", file=path)
    _complete_meta(data)
    _check_samples(data, path)
    source = _Source(data, path, count, [], _declared_model(data, path), [])
    if source.syntax in _NATIVE:
        _check_native_length(source)
    else:
        _check_decodable(source)
        source.fragments = _fragments(source)
        _settle_color_model(source)
    return source


def _complete_meta(data: Dataset) -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    if not hasattr(data, "file_meta"):
        data.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in data.file_meta:
        implicit, little = data.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit


def _declared_model(data: Dataset, path: Path) -> str:
    declared = str(data.get("PhotometricInterpretation") or "")
    if declared in _ONE_SAMPLE:
        samples, model = 1, declared
    elif declared in _COLOR_MODELS:
        samples, model = 3, _COLOR_MODELS[declared]
    else:
        known = ", ".join((*_ONE_SAMPLE, *_COLOR_MODELS))
        raise ReadError(f"PhotometricInterpretation must be one of {known}", value=declared or "none", file=path)
    if int(data.get("SamplesPerPixel") or 1) != samples:
        raise ReadError(f"{declared} has {samples} samples per pixel", value=data.get("SamplesPerPixel"), file=path)
    return model


def _check_samples(data: Dataset, path: Path) -> None:
    allocated = data.get("BitsAllocated")
    if allocated not in (8, 16):
        raise ReadError("BitsAllocated of an echo image is 8 or 16", value=allocated, file=path)
    if not 1 <= int(data.get("BitsStored") or 0) <= allocated:
        raise ReadError("BitsStored must be from 1 to BitsAllocated", value=data.get("BitsStored"), file=path)


def _check_native_length(source: _Source) -> None:
    samples = int(source.data.get("SamplesPerPixel") or 1)
    needed = int(np.prod(source.shape)) * samples * (int(source.data.BitsAllocated) // 8)
    if source.data.PhotometricInterpretation == "YBR_FULL_422":
        needed = needed * 2 // 3
    if len(source.data.PixelData) < needed:
        found = f"{len(source.data.PixelData):,} of {needed:,} bytes"
        raise ReadError("The pixel data are cut short", value=found, file=source.path)


def _check_decodable(source: _Source) -> None:
    """Raises `ReadError` for videos and the like, whose frames could not even be told apart."""
    if source.syntax not in _JPEG_FAMILY and not _plugins(source.syntax):
        rule = "No decoder for this transfer syntax is installed, and no extra adds one: export the file as JPEG"
        raise ReadError(rule, value=_syntax_name(source), file=source.path)


def _plugins(syntax: str) -> tuple[str, ...]:
    """The decoders that pydicom finds for a transfer syntax."""
    from pydicom.pixels import get_decoder  # type: ignore[attr-defined]

    try:
        return get_decoder(syntax).available_plugins
    except NotImplementedError:
        return ()


def _syntax_name(source: _Source) -> str:
    return str(source.data.file_meta.TransferSyntaxUID.name)


def _fragments(source: _Source) -> list[bytes]:
    from pydicom.encaps import generate_frames

    try:
        frames = list(generate_frames(source.data.PixelData, number_of_frames=source.count))
    except (ValueError, EOFError, TypeError, KeyError) as error:
        raise ReadError("The compressed pixel data are damaged", value=_first_line(error), file=source.path) from error
    if len(frames) < source.count:
        found = f"{len(frames)} of {source.count} frames"
        raise ReadError("The pixel data are cut short", value=found, file=source.path)
    if source.syntax in _JPEG_FAMILY:
        for index, frame in enumerate(frames[: source.count]):
            if not is_complete(frame):
                found = f"frame {index} of {source.count}"
                raise ReadError("A compressed frame is cut short", value=found, file=source.path)
    return frames[: source.count]


def _settle_color_model(source: _Source) -> None:
    """Let the JPEG stream overrule the header: a known defect is RGB in the header over YCbCr data."""
    if source.syntax not in _PROCESS_JPEG or source.color_model not in ("RGB", "YBR_FULL"):
        return
    actual = read_markers(source.fragments[0]).color_model
    if actual is None and source.color_model == "RGB" and _looks_like_ybr(source):
        actual = "YBR_FULL"
    if actual in (None, source.color_model):
        return
    declared = source.data.PhotometricInterpretation
    source.warnings.append(f"The header says {declared}, but the JPEG data are {actual}; they were read as {actual}")
    source.color_model = actual or declared
    source.data.PhotometricInterpretation = source.color_model


def _looks_like_ybr(source: _Source) -> bool:
    try:
        first = next(_frames(replace(source, warnings=[])))
    except ReadError:
        return False
    chroma = np.abs(first[..., 1:].astype(np.int16) - 128).max(axis=-1)
    return bool(np.mean(chroma <= _NEUTRAL_CHROMA) > _NEUTRAL_SHARE)


# The fast path: OpenCV hands out the Y of a YCbCr JPEG without touching its colors.


def _fits_fast_path(source: _Source) -> bool:
    if source.syntax != _BASELINE or source.color_model != "YBR_FULL" or source.bits != 8:
        return False
    from importlib.util import find_spec

    return find_spec("cv2") is not None and all(read_markers(part).adobe is None for part in source.fragments)


def _decode_fast(source: _Source) -> Pixels:
    import cv2

    gray = np.empty(source.shape, np.uint8)
    sampled = sampled_frames(source.count)
    spreads = np.empty((len(sampled), *source.shape[1:]), np.uint8)
    for index, fragment in enumerate(source.fragments):
        stream = np.frombuffer(fragment, np.uint8)
        gray[index] = _checked(cv2.imdecode(stream, cv2.IMREAD_GRAYSCALE), source, index)
        if index in sampled:
            color = cv2.imdecode(stream, cv2.IMREAD_COLOR)
            spreads[sampled.index(index)] = spread(np.asarray(color, np.uint8))
    return Pixels(gray, ColorSamples(sampled, spreads), source.warnings)


def _checked(frame: Any, source: _Source, index: int) -> NDArray[Any]:
    found = None if frame is None else frame.shape[:2]
    if found != source.shape[1:]:
        rule = "A frame cannot be decoded, or has not the size that the header states"
        raise ReadError(rule, value=f"frame {index}: {found}", file=source.path)
    return np.asarray(frame)


# The general path.


def _frames(source: _Source) -> Iterator[NDArray[Any]]:
    """Frames as stored, ``[H, W]`` or ``[H, W, 3]``, one at a time."""
    if source.syntax in _NATIVE:
        from pydicom.pixels import pixel_array  # type: ignore[attr-defined]

        # pydicom 3.0's iterator forgets after one frame that uncompressed YBR_FULL_422 stores two bytes a pixel.
        return (pixel_array(source.data, index=index, raw=True) for index in range(source.count))
    from pydicom.pixels import iter_pixels  # type: ignore[attr-defined]

    frames = iter_pixels(source.data, raw=True)
    return _with_simpleitk(source, frames) if source.syntax in _JPEG_FAMILY else frames


def _with_simpleitk(source: _Source, frames: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    """``frames`` of pydicom, or those of SimpleITK where pydicom has no plug-in that can decode the first."""
    try:
        first = next(frames)
    except RuntimeError:
        return _simpleitk_frames(source)
    return chain((first,), frames)


def _simpleitk_frames(source: _Source) -> Iterator[NDArray[Any]]:
    """Frames through SimpleITK's GDCM, as stored."""
    sitk, name = simpleitk(), _syntax_name(source)
    source.warnings.append(f"Decoded by SimpleITK, because pydicom finds no decoder for this file ({name})")
    with TemporaryDirectory(prefix="echoapex-") as folder:
        path = Path(folder) / "frame.dcm"
        for fragment in source.fragments:
            _bare_copy(source, fragment).save_as(path, enforce_file_format=True)
            try:
                frame = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))[0]
            except RuntimeError as error:
                raise ReadError(_no_decoder(source), value=name, file=source.path) from error
            yield frame


def _bare_copy(source: _Source, fragment: bytes) -> Dataset:
    """One frame under a header without what would have SimpleITK invert, scale, color or convert the stored values."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

    copy = Dataset()
    copy.file_meta = FileMetaDataset()
    copy.file_meta.TransferSyntaxUID = source.data.file_meta.TransferSyntaxUID
    copy.SOPClassUID, copy.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    gray = source.color_model in _ONE_SAMPLE
    copy.SamplesPerPixel, copy.PhotometricInterpretation = (1, _GRAY) if gray else (3, "RGB")
    for keyword in _LAYOUT:
        if keyword in source.data:
            copy[keyword] = source.data[keyword]
    copy.PixelData = encapsulate([fragment])
    return copy


def _no_decoder(source: _Source) -> str:
    """What to say of JPEG data that SimpleITK refuses, too."""
    rule = "The pixel data are damaged, or no decoder that is installed can read them"
    if "gdcm" in _plugins(source.syntax):
        return rule
    return f"{rule}: outside 3D Slicer the extra gdcm of EchoApex adds one, in 3D Slicer export the file uncompressed"


def _to_gray(source: _Source, frames: Iterator[NDArray[Any]]) -> Pixels:
    if source.color_model == _PALETTE:
        return _palette_to_gray(source, frames)
    gray = np.empty(source.shape, np.uint8)
    sampled = sampled_frames(source.count)
    spreads: list[NDArray[np.uint8]] = []
    for index, frame in zip(range(source.count), frames, strict=False):
        eight = to_eight_bits(_checked(frame, source, index), source.bits)
        gray[index] = _gray_of(eight, source.color_model)
        if index in sampled and eight.ndim == 3:
            spreads.append(spread(rgb_of_ybr(eight) if source.color_model == "YBR_FULL" else eight))
    if source.bits != 8:
        source.warnings.append(f"Gray levels are the upper 8 of {source.bits} stored bits")
    return Pixels(gray, ColorSamples(sampled, np.stack(spreads)) if spreads else None, source.warnings)


def _gray_of(frame: NDArray[np.uint8], color_model: str) -> NDArray[np.uint8]:
    if color_model == "RGB":
        return luminance(frame)
    if color_model == "YBR_FULL":
        return frame[..., 0]
    return 255 - frame if color_model == _INVERTED else frame


def _palette_to_gray(source: _Source, frames: Iterator[NDArray[Any]]) -> Pixels:
    table = _palette(source)
    gray_table, spread_table = luminance(table), spread(table)
    gray = np.empty(source.shape, np.uint8)
    sampled = sampled_frames(source.count)
    spreads = []
    for index, frame in zip(range(source.count), frames, strict=False):
        entries = _checked(frame, source, index).astype(np.int64) & (len(table) - 1)
        gray[index] = gray_table[entries]
        if index in sampled:
            spreads.append(spread_table[entries])
    return Pixels(gray, ColorSamples(sampled, np.stack(spreads)), source.warnings)


def _palette(source: _Source) -> NDArray[np.uint8]:
    """The look-up table as 8-bit RGB, ``uint8 [2 ** BitsStored, 3]``."""
    from pydicom.pixels import apply_color_lut  # type: ignore[attr-defined]

    indices = np.arange(1 << source.bits, dtype=np.uint8 if source.bits <= 8 else np.uint16)
    try:
        table = apply_color_lut(indices[None], source.data)[0]
    except (ValueError, AttributeError, TypeError, IndexError) as error:
        raise ReadError("The palette is missing or damaged", value=_first_line(error), file=source.path) from error
    # Some files declare 16-bit entries and store 8-bit ones.
    wide = table.dtype.itemsize == 2 and int(table.max()) > 255
    return np.asarray(table >> 8 if wide else table, np.uint8)
