"""The two ways in: a cine to work with, and what is known about a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..cine import Cine
from ..errors import ReadError
from . import clip_finding
from .believable_cine import believable
from .color_to_gray import BLANK_STEP
from .dicom import describe_unreadable, mode_of, read_dicom
from .dicom_header import NO_LIBRARY
from .dicom_setting import setting_facts
from .existing_file import existing_file
from .nifti_metaimage import read_volume
from .nrrd import read_nrrd
from .sector_detection import images_side_by_side, lies_on_side, probe_at_top
from .size_limits import NO_MEMORY
from .video import read_video


def read_cine(path: str | Path, *, in_color: bool = False) -> Cine:
    """Read one file as a `Cine`: DICOM ultrasound, AVI, MP4, GIF, NIfTI, MetaImage, NRRD or ``.seq.nrrd``.

    Frames are gray ``uint8 [T, H, W]``, luminance where the file has color; with ``in_color`` the cine has its
    ``color_frames``, too. A frame rate or scale that is unknown, or that cannot be, is None with its reason, never a
    guess. Raises `ReadError`, in one sentence, for everything that
    cannot be read.
    """
    source = _existing(path)
    kind = clip_finding.sniff(source)
    if kind is None:
        raise ReadError("This is none of DICOM, AVI, MP4, GIF, NIfTI, MetaImage or NRRD", file=source)
    try:
        return _told(believable(_READERS[kind](source, in_color=in_color)))
    except ImportError as error:
        raise ReadError(NO_LIBRARY, value=error.name, file=source) from error
    except OSError as error:
        raise ReadError("The file cannot be read", value=error.strerror or type(error).__name__, file=source) from error
    except MemoryError as error:
        raise ReadError(NO_MEMORY, file=source) from error


def read_cine_in_color(path: str | Path) -> Cine:
    """As `read_cine`, with its ``color_frames``."""
    return read_cine(path, in_color=True)


_READERS: dict[str, Callable[..., Cine]] = {
    clip_finding.DICOM: read_dicom,
    clip_finding.VIDEO: read_video,
    clip_finding.VOLUME: read_volume,
    clip_finding.NRRD: read_nrrd,
}


def _told(cine: Cine) -> Cine:
    """``cine`` with warnings about what its pixels show."""
    warnings = list(cine.warnings)
    if int(cine.frames.max()) - int(cine.frames.min()) < BLANK_STEP:
        warnings.append("The picture is blank: all its pixels have nearly the same gray")
    if not cine.mode.is_trace and probe_at_top(cine.sector) is False:
        warnings.append(ON_ITS_HEAD)
    elif not cine.mode.is_trace and lies_on_side(cine.sector):
        warnings.append(ON_ITS_SIDE)
    count = cine.image_count
    if count == 1 and not cine.mode.is_trace and (count := images_side_by_side(cine.frames, cine.sector)) > 1:
        warnings.append(f"The pixels show {count} images side by side; the sector covers all of them")
    return replace(cine, image_count=count, warnings=tuple(warnings))


ON_ITS_HEAD = "The picture in the file stands on its head: its fan has the probe at the bottom"
ON_ITS_SIDE = "The picture in the file lies on its side: its fan has the probe at the left or at the right"


def _existing(path: str | Path) -> Path:
    source = existing_file(path)
    if source.stat().st_size == 0:
        raise ReadError("This file is empty", file=source)
    return source


def describe(path: str | Path) -> dict[str, Any]:
    """What is known about a file, in the keys of ``echoapex info`` and fit for JSON; unknown is None.

    ``sector`` is ``{"box": [x0, y0, x1, y1], "source": text, "certainty": 0 to 1}``,
    ``scale_mm_per_px`` is ``[y, x]``. Clips that show only
    an M-mode or Doppler trace are described too, without a sector. Raises `ReadError` like `read_cine` for the rest.
    """
    source = _existing(path)
    if shows_only_a_trace(source):
        return _record(source, describe_unreadable(source))
    return describe_cine(source, read_cine(source))


def describe_cine(source: Path, cine: Cine) -> dict[str, Any]:
    """What is known about a cine that was read from ``source``, as `describe`."""
    return _record(source, _facts(cine))


def shows_only_a_trace(path: Path) -> bool:
    """Whether a file is M-mode or spectral Doppler by its DICOM header. Raises `ReadError` for a damaged one."""
    mode = mode_of(path) if clip_finding.sniff(path) == clip_finding.DICOM else None
    return mode is not None and mode.is_trace


def _facts(cine: Cine) -> dict[str, Any]:
    seconds, scale = cine.times.seconds, cine.scale
    return {
        "kind": cine.kind,
        "modality": cine.modality,
        "mode": cine.mode.value,
        "mode_source": cine.mode_source.value,
        "frame_count": cine.frame_count,
        "rows": cine.rows,
        "columns": cine.columns,
        "frame_times_s": None if seconds is None else seconds.tolist(),
        "frame_time_source": cine.times.source.value,
        "scale_mm_per_px": None if scale.mm_per_px is None else list(scale.mm_per_px),
        "scale_source": scale.source.value,
        "scale_reason": scale.reason or None,
        "sector": cine.sector.facts,
        "color": cine.color,
        "view": cine.view,
        **(setting_facts(cine.setting) if cine.kind == "dicom" else {}),
        "heart_rate": cine.heart_rate,
        "identifying": list(cine.identifying),
        "warnings": list(cine.warnings),
    }


_KEYS = (
    "file",
    "kind",
    "modality",
    "mode",
    "mode_source",
    "frame_count",
    "rows",
    "columns",
    "frame_times_s",
    "frame_time_source",
    "scale_mm_per_px",
    "scale_source",
    "scale_reason",
    "sector",
    "color",
    "view",
    "stage",
    "protocol",
    "contrast",
    "probe",
    "heart_rate",
    "identifying",
    "warnings",
)


def _record(source: Path, facts: dict[str, Any]) -> dict[str, Any]:
    known = {"file": str(source), **facts}
    return {key: known.get(key) for key in _KEYS}
