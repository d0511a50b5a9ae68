"""A small archive with what archives hold: clips of several people in one folder each, and what becomes no frames."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from io_writers import dicom, fan, real, region, save
from numpy.typing import NDArray

SURNAMES = ("Qxorlando", "Qxbrandt", "Qxmuller", "Qxpetrov")
"""Of the people in the archive: in no word of an output but where a name has got through."""

SPECTRAL = {"RegionSpatialFormat": 3, "RegionDataType": 3, "PhysicalUnitsXDirection": 4, "PhysicalUnitsYDirection": 7}


def write_archive(folder: Path) -> Path:
    """Eight clips of four people, a still, a video, a real cine; a copy, and one of each that is left out or fails."""
    for number, surname in enumerate(SURNAMES):
        home = folder / f"{surname}_Anna"
        home.mkdir(parents=True)
        for take in range(2):
            save(dicom(fan(seed=10 * number + take), **_person(surname, number)), home / f"{surname}{take}.dcm")
    home = folder / f"{SURNAMES[0]}_Anna"
    person = _person(SURNAMES[0], 0)
    shutil.copy(home / f"{SURNAMES[0]}0.dcm", home / "copy.dcm")
    whole = (home / f"{SURNAMES[0]}1.dcm").read_bytes()
    (home / "cut.dcm").write_bytes(whole[: len(whole) // 20])
    save(dicom(fan(1, seed=99), **person), home / "still.dcm")
    noise = np.random.default_rng(5).integers(0, 255, (6, 96, 128)).astype(np.uint8)
    save(dicom(noise, **person), home / "filled.dcm")
    save(dicom(np.full((6, 96, 128), 3, np.uint8), **person), home / "blank.dcm")
    save(dicom(SequenceOfUltrasoundRegions=[region(**SPECTRAL)], **person), home / "spectral.dcm")
    volume = "1.2.840.10008.5.1.4.1.1.6.2"
    save(dicom(SOPClassUID=volume, **person), home / "volume.dcm")
    (folder / "notes.txt").write_text("Qxorlando called")
    write_video(folder / "tapes" / "tape.avi", fan(8, 120, 160, seed=77))
    shutil.copy(real("examples_ybr_color.dcm"), folder / "real.dcm")
    return folder


def _person(surname: str, number: int) -> dict[str, Any]:
    return {
        "PatientName": f"{surname}^Anna",
        "PatientID": f"MRN-47{number}1",
        "PatientBirthDate": f"19{40 + number}0203",
        "StudyDate": "20200304",
        "StudyInstanceUID": f"1.2.3.{number}",
        "InstitutionName": f"Clinic of {surname}",
        "ProtocolName": f"TTE of {surname}",
    }


def write_video(path: Path, frames: NDArray[np.uint8]) -> Path:
    """An AVI of gray frames ``[T, H, W]``."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    size = frames.shape[2], frames.shape[1]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, size, False)
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path


class InThisProcess:
    """Reads as a reading process does, here: for tests of many small files."""

    def run(self, reader: Callable[..., Any], path: Path, *more: str | Path) -> Any:
        return reader(path, *map(Path, more))


def content(folder: Path) -> dict[str, bytes]:
    """All files below a folder that are not hidden, by their paths in it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return {name: data for name, data in sorted(found.items()) if not name.startswith(".")}
