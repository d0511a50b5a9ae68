"""A DICOM clip without its patient: a new file of the listed header fields and of the pixels within the sector."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..cine import Cine, FrameTimes, ImageStack
from ..errors import OutputError, ReadError
from .cine_reading import read_cine_in_color
from .clip_finding import DICOM, sniff
from .color_frames import MOST_COLOR_BYTES
from .deidentified_header import Dates, Profile, Pseudonyms, deidentified_header
from .dicom_header import read_header, refusing
from .project_key import ProjectKey
from .text_free_sector import find_text_free_sector

if TYPE_CHECKING:
    from pydicom import Dataset

UNWRITTEN = "Clips without their patients cannot be written here"
_EVEN_S = 1e-6  # by which steps between frames differ that are written as one
# What no transfer syntax of these has lost: uncompressed, deflated, RLE, JPEG lossless, JPEG-LS and JPEG 2000 lossless.
_LOSSLESS = (
    *("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"),
    *("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"),
    "1.2.840.10008.1.2.4.90",
)


@dataclass(frozen=True)
class DeidentifiedClip:
    """What was written: ``study`` and ``instance`` are its new UIDs; ``in_color`` whether its frames have colors."""

    study: str
    instance: str
    frame_count: int
    in_color: bool


def deidentify_clip(source: Path, target: Path, key: Path, patient: Path, *options: Path) -> DeidentifiedClip:
    """Writes the DICOM clip ``source`` without its patient to ``target``, uncompressed.

    For the reading process, to which all words go as paths: ``key`` is the file of a `ProjectKey`, ``patient`` the
    pseudonym, ``options`` are those of `options_of`. Raises `ReadError` for a clip that cannot be read or be made safe
    (nothing is at ``target`` then), and `OutputError` where it cannot be written.
    """
    if sniff(source) != DICOM:
        raise ReadError("Only DICOM is written without its patient as a file; of other clips, curate takes the frames")
    names = Pseudonyms(ProjectKey.of_file(key), patient.name)
    cine = read_cine_in_color(source)
    frames = _shown_frames(cine)
    with refusing(source):
        header = read_header(source)
        clean = deidentified_header(header, names, _profile(options), cine.frame_count)
        _put_compression(clean, header)
    _put_times(clean, cine.times)
    _put_pixels(clean, frames)
    _write(clean, target)
    return DeidentifiedClip(str(clean.StudyInstanceUID), str(clean.SOPInstanceUID), len(frames), frames.ndim == 4)


def options_of(profile: Profile) -> tuple[str, ...]:
    """A profile in words for `deidentify_clip`."""
    return (str(profile.dates), *(("characteristics",) if profile.characteristics else ()))


def _profile(options: tuple[Path, ...]) -> Profile:
    words = [option.name for option in options]
    return Profile(Dates(words[0]), "characteristics" in words[1:])


def _shown_frames(cine: Cine) -> ImageStack:
    """The frames with all but the sector black, in color where they have some."""
    sector = find_text_free_sector(cine)
    if cine.color_frames is None and cine.frames.nbytes * 3 > MOST_COLOR_BYTES and cine.color:
        raise ReadError("The clip is too large to be written in color", value=cine.frames.shape, file=cine.path)
    return sector.only(cine.frames if cine.color_frames is None else cine.color_frames)


def _put_times(clean: Dataset, times: FrameTimes) -> None:
    """The frame times that were believed, none where they are unknown."""
    from pydicom.tag import Tag

    if times.seconds is None or times.seconds.size < 2:
        return
    steps = np.diff(times.seconds)
    if float(np.ptp(steps)) <= _EVEN_S:
        clean.FrameTime, clean.FrameIncrementPointer = f"{1000 * float(steps.mean()):.8g}", Tag("FrameTime")
    else:
        clean.FrameTimeVector = [f"{1000 * step:.8g}" for step in (0.0, *steps.tolist())]
        clean.FrameIncrementPointer = Tag("FrameTimeVector")


def _put_compression(clean: Dataset, header: Dataset) -> None:
    """Says that pixels were compressed with loss once, also where the header does not and its syntax does."""
    if "LossyImageCompression" not in clean:
        syntax = str(header.file_meta.get("TransferSyntaxUID") or "") if hasattr(header, "file_meta") else ""
        clean.LossyImageCompression = "00" if not syntax or syntax in _LOSSLESS else "01"


def _put_pixels(clean: Dataset, frames: ImageStack) -> None:
    clean.Rows, clean.Columns = frames.shape[1:3]
    if len(frames) > 1:
        clean.NumberOfFrames = len(frames)
    clean.SamplesPerPixel = 3 if frames.ndim == 4 else 1
    clean.PhotometricInterpretation = "RGB" if frames.ndim == 4 else "MONOCHROME2"
    if frames.ndim == 4:
        clean.PlanarConfiguration = 0
    clean.BitsAllocated = clean.BitsStored = 8
    clean.HighBit, clean.PixelRepresentation = 7, 0
    data = np.ascontiguousarray(frames).tobytes()
    clean.PixelData = data + b"\0" * (len(data) % 2)


def _write(clean: Dataset, target: Path) -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    clean.file_meta = FileMetaDataset()
    clean.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    clean.file_meta.MediaStorageSOPClassUID = clean.SOPClassUID
    clean.file_meta.MediaStorageSOPInstanceUID = clean.SOPInstanceUID
    try:
        clean.save_as(target, enforce_file_format=True)
    except OSError as error:
        # pydicom puts its own words around the error of the system.
        reason = error if error.strerror or not isinstance(error.__cause__, OSError) else error.__cause__
        raise OutputError(UNWRITTEN, value=reason.strerror) from None
