"""Damages files of every format the readers take, at random but seeded, and judges what reading them comes to."""

from __future__ import annotations

import gzip
import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import SimpleITK as sitk
from io_writers import dicom, fan, real, region, save, save_frames, transcode
from PIL import Image
from pydicom import dcmread
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from echoapex.errors import EchoApexError
from echoapex.io import cine_reading, clip_finding
from echoapex.io.reading_process import ReadingLimits, ReadingProcess
from echoapex.study import file_grouping

CANARY = "Canary"
"""Stands for the patient in every DICOM file; no sentence may show it."""

LIMITS = ReadingLimits(seconds=10.0, memory=1024**3)
_CONTAINED = ("process that read this file has ended", "more computing than", "more memory than", "within")
_DEFECTS = ("reader failed", "What was read of this file is no clip")
_NUMBERS = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_WORDS = (b"-1", b"0", b"128", b"4294967295", b"1e308", b"nan", b"inf", b"../../x", b"/etc/passwd", b"%d", b"LIST", b"")
_HEADER_BYTES = 2048
_REAL = ("SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle.dcm", "SC_rgb_small_odd_jpeg.dcm", "JPEG2000.dcm", "examples_palette.dcm")


@dataclass
class Outcome:
    """What ``count`` damaged files came to; ``found`` has those that were not handled, with a reason each."""

    count: int = 0
    read: int = 0
    refused: int = 0
    contained: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ended = ", ".join(f"{number} x {rule}" for rule, number in self.contained.most_common()) or "none"
        numbers = f"{self.count} files: {self.read} read, {self.refused} refused, {len(self.found)} not handled"
        return f"{numbers}; contained by the process: {ended}"


def write_corpus(folder: Path) -> list[Path]:
    """Small intact files of every format, in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    return sorted([*_dicom_files(folder), *_volumes(folder), *_videos(folder)])


def _dicom_files(folder: Path) -> Iterator[Path]:
    tags = {"PatientName": f"{CANARY}^Phi", "PatientID": f"{CANARY}77", "SequenceOfUltrasoundRegions": [region()]}
    for syntax in (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ):
        yield save(dicom(fan(3), syntax, **tags), folder / f"native-{syntax.name.replace(' ', '')[:20]}.dcm")
    raw = save(dicom(fan(3), **tags), folder / "raw.dcm")
    deep = save(dicom(fan(3).astype(np.uint16) * 16, **tags, BitsStored=12, HighBit=11), folder / "deep.dcm")
    yield from (raw, deep)
    for name in ("RLELossless", "JPEGLosslessProcess14_1", "JPEGLSLossless", "JPEG2000Lossless"):
        yield transcode(raw, folder / f"{name}.dcm", name)
        yield transcode(deep, folder / f"{name}-deep.dcm", name)
    streams = [bytes(cv2.imencode(".jpg", frame)[1]) for frame in fan(3)]
    yield save_frames(streams, JPEGBaseline8Bit, folder / "jpeg.dcm", **tags)
    for name in _REAL:
        data = dcmread(real(name))
        data.Modality, data.PatientName, data.PatientID = "US", f"{CANARY}^Phi", f"{CANARY}77"
        data.save_as(folder / name)
        yield folder / name


def _volumes(folder: Path) -> Iterator[Path]:
    image = sitk.GetImageFromArray(fan(3, 48, 64))
    image.SetSpacing((0.4, 0.4, 1.0))
    for name in ("a.nii", "a.nii.gz", "a.mha", "a.nrrd"):
        sitk.WriteImage(image, str(folder / name), useCompression=name.endswith("z"))
        yield folder / name
    sitk.WriteImage(image, str(folder / "packed.mha"), useCompression=True)
    sitk.WriteImage(image, str(folder / "packed.nrrd"), useCompression=True)
    header = (
        b"NRRD0004\ntype: uint8\ndimension: 4\nsizes: 64 48 1 3\nkinds: domain domain domain list\nencoding: gzip\n"
        b"space: left-posterior-superior\nspace directions: (0.4,0,0) (0,0.4,0) (0,0,1) none\n"
        b'units: "" "" "" "s"\naxis 3 index values:=0 0.03 0.06\n\n'
    )
    (folder / "b.seq.nrrd").write_bytes(header + gzip.compress(fan(3, 48, 64).tobytes()))
    yield from (folder / "packed.mha", folder / "packed.nrrd", folder / "b.seq.nrrd")


def _videos(folder: Path) -> Iterator[Path]:
    for name, code in (("a.avi", "MJPG"), ("a.mp4", "mp4v")):
        writer = cv2.VideoWriter(str(folder / name), cv2.VideoWriter_fourcc(*code), 30, (128, 96))
        for frame in fan(3):
            writer.write(cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR))
        writer.release()
        yield folder / name
    first, *others = (Image.fromarray(frame) for frame in fan(3))
    first.save(folder / "a.gif", save_all=True, append_images=others, duration=40)
    yield folder / "a.gif"


def damage(data: bytes, chance: random.Random, other: bytes) -> bytes:
    """``data`` after one to four random changes; ``other`` is another file to take parts of."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        chance.choice(_CHANGES)(changed, chance, other)
    return bytes(changed)


def _place(data: bytearray, chance: random.Random) -> int:
    """Where to change something; in the first bytes, where headers are, three times of four."""
    return chance.randrange(max(1, min(len(data), _HEADER_BYTES) if chance.random() < 0.75 else len(data)))


def _flip(data: bytearray, chance: random.Random, other: bytes) -> None:
    for _ in range(chance.choice((1, 3, 20))):
        if data:
            data[_place(data, chance)] ^= 1 << chance.randrange(8)


def _number(data: bytearray, chance: random.Random, other: bytes) -> None:
    at, size = _place(data, chance), chance.choice((1, 2, 4, 8))
    value = chance.choice(_NUMBERS) & ((1 << 8 * size) - 1)
    data[at : at + size] = value.to_bytes(size, chance.choice(("little", "big")))


def _cut(data: bytearray, chance: random.Random, other: bytes) -> None:
    del data[_place(data, chance) :]


def _remove(data: bytearray, chance: random.Random, other: bytes) -> None:
    at = _place(data, chance)
    del data[at : at + chance.choice((1, 2, 16, 500))]


def _repeat(data: bytearray, chance: random.Random, other: bytes) -> None:
    at = _place(data, chance)
    data[at:at] = data[at : at + chance.choice((1, 8, 200))] * chance.choice((1, 3, 50))


def _splice(data: bytearray, chance: random.Random, other: bytes) -> None:
    at, start = _place(data, chance), chance.randrange(max(1, len(other)))
    data[at : at + chance.choice((0, 50, 4000))] = other[start : start + chance.choice((4, 100, 5000))]


def _word(data: bytearray, chance: random.Random, other: bytes) -> None:
    numbers = list(re.finditer(rb"[0-9.]+", bytes(data[:_HEADER_BYTES])))
    if numbers:
        found = chance.choice(numbers)
        data[found.start() : found.end()] = chance.choice(_WORDS)


_CHANGES: tuple[Callable[[bytearray, random.Random, bytes], None], ...] = (
    _flip,
    _number,
    _number,
    _cut,
    _remove,
    _repeat,
    _splice,
    _word,
)


def fuzz(count: int, seed: int, folder: Path, keep: Path | None = None) -> Outcome:
    """Reads ``count`` damaged files under limits, written to ``folder`` one after the other.

    Not handled are: an error that is no refusal, a sentence of several lines or with control characters, one that
    shows the patient, and numbers that are none. Such files are copied to ``keep``.
    """
    corpus = [(path.name, path.read_bytes()) for path in write_corpus(folder / "corpus")]
    outcome, process = Outcome(), ReadingProcess(LIMITS)
    try:
        for number in range(count):
            chance = random.Random(f"{seed}-{number}")
            name, data = chance.choice(corpus)
            path = folder / f"{number}-{name}"
            path.write_bytes(damage(data, chance, chance.choice(corpus)[1]))
            reason = _judge(process, path, outcome)
            if reason:
                outcome.found.append(f"{path.name}: {reason}")
                if keep is not None:
                    shutil.copy(path, keep / path.name)
            path.unlink()
    finally:
        process.close()
    return outcome


def _judge(process: ReadingProcess, path: Path, outcome: Outcome) -> str:
    """What is wrong with how a file is handled, empty for nothing."""
    outcome.count += 1
    texts: list[str] = []
    try:
        process.run(clip_finding.check_clip, path)
    except EchoApexError as refusal:
        texts.append(str(refusal))
    try:
        process.run(file_grouping.look, path)
        record = process.run(cine_reading.describe, path)
        texts.append(json.dumps(record, allow_nan=False))
        outcome.read += 1
    except EchoApexError as refusal:
        texts.append(str(refusal))
        outcome.refused += 1
        outcome.contained.update(rule for rule in _CONTAINED if rule in str(refusal))
    except Exception as defect:
        return f"{type(defect).__name__}: {defect}"
    return next((problem for text in texts if (problem := _problem(text))), "")


def _problem(text: str) -> str:
    if not text.isprintable():
        return f"several lines or control characters: {text!r}"
    if CANARY.casefold() in text.casefold():
        return f"shows the patient: {text}"
    return next((text for defect in _DEFECTS if defect in text), "")
