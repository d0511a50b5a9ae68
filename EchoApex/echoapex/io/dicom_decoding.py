"""Decodes DICOM frames as stored, through pydicom and SimpleITK.

Pydicom's python-gdcm plug-in is never used: it ends the whole process on frames whose size or bits differ from what
the header says. SimpleITK decodes the same syntaxes to the same values and refuses those frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ReadError
from ._simpleitk import simpleitk
from .dicom_source import GRAY, JPEG_FAMILY, ONE_SAMPLE, PixelSource
from .jpeg_color import coded_size, is_complete, with_end

if TYPE_CHECKING:
    from pydicom import Dataset

_ABORTING = "gdcm"
_SIMPLEITK = "SimpleITK"
_LAYOUT = ("Rows", "Columns", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")


def check_decodable(source: PixelSource) -> None:
    """Raises `ReadError` for a transfer syntax that nothing here decodes."""
    if not source.native and source.syntax not in JPEG_FAMILY and not _plugins(source.syntax):
        rule = "No decoder for this transfer syntax is installed, and no extra adds one: export the file as JPEG"
        raise ReadError(rule, value=source.syntax_name, file=source.path)


def _plugins(syntax: str) -> list[str]:
    """The decoders that pydicom finds for a transfer syntax, without the one that can end the process."""
    from pydicom.pixels import get_decoder  # type: ignore[attr-defined]

    try:
        return [name for name in get_decoder(syntax).available_plugins if name != _ABORTING]
    except NotImplementedError:
        return []


def decode_frames(source: PixelSource) -> Iterator[NDArray[Any] | None]:
    """Frames as stored, ``[H, W]`` or ``[H, W, 3]``, one at a time; None for one that cannot be decoded."""
    if source.native:
        from pydicom.pixels import pixel_array  # type: ignore[attr-defined]

        source.data.NumberOfFrames = source.count
        # pydicom 3.0's iterator forgets after one frame that uncompressed YBR_FULL_422 stores two bytes a pixel.
        yield from (pixel_array(source.data, index=index, raw=True) for index in range(source.count))
        return
    names = _plugins(source.syntax) + ([_SIMPLEITK] if source.syntax in JPEG_FAMILY else [])
    for fragment in source.fragments:
        yield _decode(source, fragment, names)


def fits(fragment: bytes, source: PixelSource) -> bool:
    """Whether a compressed frame reaches its end and has the size that the header states."""
    if source.syntax in JPEG_FAMILY and not is_complete(fragment):
        return False
    return coded_size(fragment) in (None, source.shape[1:])


def _decode(source: PixelSource, fragment: bytes, names: list[str]) -> NDArray[Any] | None:
    """The frame by the first of the decoders ``names`` that can, which then comes first."""
    whole = with_end(fragment) if source.syntax in JPEG_FAMILY else fragment
    if not fits(whole, source):
        return None
    for name in list(names):
        try:
            frame = _by_simpleitk(source, whole) if name == _SIMPLEITK else _by_pydicom(source, whole, name)
        except (ImportError, MemoryError):
            raise
        except Exception:  # decoders raise whatever their C++ side throws
            continue
        names.remove(name)
        names.insert(0, name)
        return None if whole is not fragment and is_filled_up(frame, source.bits) else frame
    return None


def is_filled_up(frame: NDArray[Any], bits: int) -> bool:
    """Whether a JPEG decoder ran out of data: it fills the blocks that are missing with middle gray."""
    last = frame[-8:, -8:]
    return bool(np.all(last == 1 << (bits - 1)))


def _by_pydicom(source: PixelSource, fragment: bytes, plugin: str) -> NDArray[Any]:
    from pydicom.pixels import pixel_array  # type: ignore[attr-defined]

    copy = _bare_copy(source, fragment, str(source.data.PhotometricInterpretation))
    return np.asarray(pixel_array(copy, raw=True, decoding_plugin=plugin))


def _by_simpleitk(source: PixelSource, fragment: bytes) -> NDArray[Any]:
    """The frame through SimpleITK's own GDCM, under a header that has it convert nothing."""
    with TemporaryDirectory(prefix="echoapex-") as folder:
        path = Path(folder) / "frame.dcm"
        model = GRAY if source.color_model in ONE_SAMPLE else "RGB"
        _bare_copy(source, fragment, model).save_as(path, enforce_file_format=True)
        frame: NDArray[Any] = simpleitk().GetArrayFromImage(simpleitk().ReadImage(str(path), imageIO="GDCMImageIO"))[0]
    text = f"Decoded by SimpleITK, because pydicom finds no decoder for this file ({source.syntax_name})"
    if text not in source.warnings:
        source.warnings.append(text)
    return frame


def _bare_copy(source: PixelSource, fragment: bytes, model: str) -> Dataset:
    """One frame under a header without what would have a decoder invert, scale, color or convert the stored values."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

    copy = Dataset()
    copy.file_meta = FileMetaDataset()
    copy.file_meta.TransferSyntaxUID = source.data.file_meta.TransferSyntaxUID
    copy.SOPClassUID, copy.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    copy.SamplesPerPixel, copy.PhotometricInterpretation = (1 if source.color_model in ONE_SAMPLE else 3), model
    for keyword in _LAYOUT:
        if keyword in source.data:
            copy[keyword] = source.data[keyword]
    copy.PixelData = encapsulate([fragment])
    copy["PixelData"].is_undefined_length = True
    return copy
