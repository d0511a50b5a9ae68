"""A clip as it is read for curation, with what the header says of probe and mode. For the reading process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..cine import Cine, Mode
from ..errors import ReadError
from ..io.cine_reading import describe, read_cine, shows_only_a_trace


class Modality(StrEnum):
    """From where the heart was looked at, by the header; what no header says is unknown."""

    TTE = "TTE"
    TEE = "TEE"
    ICE = "ICE"
    UNKNOWN = "unknown"


MODES = {Mode.TWO_D: "B", Mode.COLOR: "color", Mode.DOPPLER: "spectral", Mode.M_MODE: "M"}
"""What modes are called in shards and manifests."""

_TRANSTHORACIC = re.compile(r"\btte\b|trans-?thoracic", re.IGNORECASE)


@dataclass(frozen=True)
class ReadClip:
    """``cine`` is None for a clip that by its header shows only a trace against time, in ``mode``."""

    cine: Cine | None
    mode: Mode
    modality: Modality
    frame_count: int


def read_clip(*files: Path) -> ReadClip:
    """The clip in a file, or in files of a frame each. Raises `ReadError` for everything that cannot be read."""
    if len(files) == 1 and shows_only_a_trace(files[0]):
        facts = describe(files[0])
        modality = _modality_of(str(facts["probe"] or ""), str(facts["protocol"] or ""), facts["view"])
        return ReadClip(None, Mode(facts["mode"]), modality, int(facts["frame_count"]))
    cine = read_cine(files[0]) if len(files) == 1 else _read_parts(files)
    probe = cine.setting.probe if cine.kind == "dicom" else ""
    return ReadClip(cine, cine.mode, _modality_of(probe, cine.setting.protocol, cine.view), cine.frame_count)


def _read_parts(files: tuple[Path, ...]) -> Cine:
    from ..io.frame_series import read_frames

    try:
        return read_frames(*files)
    except OSError as error:
        raise ReadError("A file of the series cannot be read", value=error.strerror) from None


def _modality_of(probe: str, protocol: str, view: str | None) -> Modality:
    """``probe`` in the words of `Setting`; what is not inside the body is TTE only where something says so."""
    if probe == "transesophageal":
        return Modality.TEE
    if probe == "intracardiac":
        return Modality.ICE
    return Modality.TTE if view is not None or _TRANSTHORACIC.search(protocol) else Modality.UNKNOWN
