"""MPEG inside DICOM (PS3.5 10.17 to 10.20): one stream of video in the place of frames, read by OpenCV."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..cine import FrameTimes
from ..errors import ReadError
from .color_to_gray import ColorSamples
from .dicom_fragments import read_fragments
from .quoting import uid_name
from .video import container_times, decode_video, is_container

if TYPE_CHECKING:
    from pydicom import Dataset


def read_stream(data: Dataset, path: Path) -> tuple[NDArray[np.uint8], ColorSamples, FrameTimes, list[str]]:
    """Gray frames ``[T, H, W]``, colors of a few, the times that the stream itself states, and warnings.

    Raises `ReadError` where OpenCV cannot read it.
    """
    stream = b"".join(read_fragments(data.PixelData, path))
    name = uid_name(data.file_meta.TransferSyntaxUID)
    if not is_container(stream):
        raise ReadError("The pixel data are not the video that the header says", value=name, file=path)
    with TemporaryDirectory(prefix="echoapex-") as folder:
        file = Path(folder) / "stream.mpg"
        file.write_bytes(stream)
        try:
            frames, colors, shown, warnings = decode_video(file)
        except ReadError as error:
            rule = "OpenCV cannot read the video in this DICOM file: export it as JPEG"
            raise ReadError(rule, value=name, file=path) from error
    if frames.shape[1:] != (int(data.Rows), int(data.Columns)):
        rule = "The video in this DICOM file has not the size that the header states"
        raise ReadError(rule, value=f"{frames.shape[2]} x {frames.shape[1]}", file=path)
    stated = int(data.get("NumberOfFrames") or 0)
    if stated != len(frames):
        warnings.append(f"NumberOfFrames is {stated or 'missing'}; {len(frames)} frames are there and were read")
    times, doubts = container_times(shown)
    return frames, colors, times, [*warnings, *doubts]
