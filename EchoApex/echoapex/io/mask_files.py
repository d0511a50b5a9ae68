"""Masks of a whole cine in one NRRD file: ``uint8`` 0/1, sizes W H T, spacing from the scale, frame times as a key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cine import BoolMask, Cine, FloatArray
from ..errors import EchoApexError, ReadError
from ._simpleitk import simpleitk
from .existing_file import existing_file
from .nrrd import CONTENT_KEY, LABELS, NrrdHeader, read_nrrd_data, read_nrrd_header
from .quoting import quoted
from .safe_files import written_beside
from .size_limits import check_size

SCALE_KEY, TIME_SOURCE_KEY, UNKNOWN = "scale", "frame_time_source", "unknown"
FRAME_TIMES_KEY = "frame_times_s"
"""Header key of the time of each frame, in seconds."""

_PIXELS, _MILLIMETERS = "unknown, spacing in pixels", "mm"


@dataclass(frozen=True)
class Masks:
    """``masks`` is ``bool [T, H, W]``; ``frame_times_s [T]`` and ``mm_per_px`` ``(y, x)`` are None where unknown."""

    masks: BoolMask
    frame_times_s: FloatArray | None
    mm_per_px: tuple[float, float] | None


def write_masks(path: str | Path, masks: NDArray[Any], cine: Cine) -> None:
    """Write ``masks`` (bool or uint8 0/1, ``[T, H, W]`` like the frames of ``cine``) as NRRD.

    Without a scale the spacing is 1 and the header key ``scale`` says that it is in pixels. Raises `EchoApexError` when
    the masks have not the shape of the cine, hold other values than 0 and 1, or cannot be written, or the file does not
    end in ``.nrrd``. The file is read back before it takes the place of an earlier one.
    """
    target = Path(path)
    check_masks_file(target)
    image = simpleitk().GetImageFromArray(_as_bytes(masks, cine, target))
    y, x = cine.scale.mm_per_px or (1.0, 1.0)
    image.SetSpacing((x, y, 1.0))
    image.SetMetaData(CONTENT_KEY, LABELS)
    image.SetMetaData(SCALE_KEY, _MILLIMETERS if cine.scale.known else _PIXELS)
    seconds = cine.times.seconds
    listed = UNKNOWN if seconds is None else " ".join(f"{second:.9g}" for second in seconds)
    image.SetMetaData(FRAME_TIMES_KEY, listed)
    image.SetMetaData(TIME_SOURCE_KEY, cine.times.source.value)
    write_label_image(target, image, "masks")


def write_label_image(target: Path, image: Any, what: str) -> None:
    """Writes a SimpleITK ``image`` as compressed NRRD, whole or not at all; ``what`` it is goes into the refusal.

    Raises `EchoApexError` where the file cannot be written, or does not hold the image when it is read back: on a full
    disk SimpleITK writes a part, or nothing, and says that all went well.
    """
    sitk = simpleitk()
    try:
        with written_beside(target) as draft:
            sitk.WriteImage(image, str(draft), useCompression=True, imageIO="NrrdImageIO")
            kept = sitk.ReadImage(str(draft), imageIO="NrrdImageIO")
            if not np.array_equal(sitk.GetArrayViewFromImage(kept), sitk.GetArrayViewFromImage(image)):
                raise EchoApexError(f"The {what} cannot be written here: read back, they differ", file=target)
    except (RuntimeError, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else "SimpleITK could not write or read it back"
        raise EchoApexError(f"The {what} cannot be written here", value=reason, file=target) from error


def check_masks_file(path: str | Path) -> None:
    """Raises `EchoApexError` for a file that `write_masks` would not write by its name."""
    if Path(path).suffix.lower() != ".nrrd":
        raise EchoApexError("Masks are written as NRRD, to a file that ends in .nrrd", file=path)


def _as_bytes(masks: NDArray[Any], cine: Cine, target: Path) -> NDArray[np.uint8]:
    array = np.asarray(masks)
    if array.shape != cine.frames.shape:
        found = f"{array.shape} for {cine.frames.shape}"
        raise EchoApexError("Masks must have the shape of their cine, [T, H, W]", value=found, file=target)
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise EchoApexError("Masks hold 0 and 1 only", value=f"{array.min()} to {array.max()}", file=target)
    return array.astype(np.uint8)


def read_masks(path: str | Path) -> Masks:
    """Read what `write_masks` wrote; raises `ReadError` for a missing, damaged or other file."""
    source = existing_file(path)
    header = read_nrrd_header(source)
    if len(header.sizes) != 3:
        raise ReadError("Masks have the sizes W H T", value=quoted(header.fields["sizes"]), file=source)
    columns, rows, count = header.sizes
    check_size(count, rows, columns, source)
    stored = read_nrrd_data(header)
    if stored.dtype != np.uint8 or not np.isin(stored, (0, 1)).all():
        raise ReadError("Masks hold 0 and 1 only", value=f"{stored.min()} to {stored.max()}", file=source)
    return Masks(stored.astype(bool), _times(header.values, count, source), _scale(header))


def _times(values: dict[str, str], count: int, source: Path) -> FloatArray | None:
    text = values.get(FRAME_TIMES_KEY, UNKNOWN)
    if text == UNKNOWN:
        return None
    try:
        seconds = np.array([float(word) for word in text.split()])
    except ValueError as error:
        raise ReadError("Frame times must be numbers", value=quoted(text), file=source) from error
    if not np.isfinite(seconds).all():
        raise ReadError("Frame times must be finite", value=quoted(text), file=source)
    if seconds.size != count:
        raise ReadError("There must be one time for each mask", value=f"{seconds.size} for {count}", file=source)
    return seconds


def _scale(header: NrrdHeader) -> tuple[float, float] | None:
    if header.values.get(SCALE_KEY) != _MILLIMETERS:
        return None
    return header.spacing(1), header.spacing(0)
