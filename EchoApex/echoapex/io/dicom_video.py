"""MPEG inside DICOM (PS3.5 10.17 to 10.20): one stream of video in the place of frames, read by OpenCV."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..cine import FrameTimes
from ..errors import ReadError
from .dicom_fragments import read_fragments
from .quoting import uid_name
from .video import DecodedVideo, container_times, decode_video, is_container

if TYPE_CHECKING:
    from pydicom import Dataset


def read_stream(data: Dataset, path: Path, *, in_color: bool = False) -> tuple[DecodedVideo, FrameTimes, list[str]]:
    """The frames, the times that the stream itself states, and all warnings.

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
            video = decode_video(file, in_color=in_color)
        except ReadError as error:
            rule = "OpenCV cannot read the video in this DICOM file: export it as JPEG"
            raise ReadError(rule, value=name, file=path) from error
    frames, warnings = video.frames, list(video.warnings)
    if frames.shape[1:] != (int(data.Rows), int(data.Columns)):
        rule = "The video in this DICOM file has not the size that the header states"
        raise ReadError(rule, value=f"{frames.shape[2]} x {frames.shape[1]}", file=path)
    stated = int(data.get("NumberOfFrames") or 0)
    if stated != len(frames):
        warnings.append(f"NumberOfFrames is {stated or 'missing'}; {len(frames)} frames are there and were read")
    times, doubts = container_times(video.shown)
    return video, times, [*warnings, *doubts]
