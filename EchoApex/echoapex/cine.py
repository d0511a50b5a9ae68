"""`Cine` and what it is made of: frames, frame times, scale and sector.

Pixel coordinates are (x right, y down) of the full frame, pixel centers at whole numbers; arrays are ``[T, H, W]``;
frames are counted from 0; ``mm_per_px`` is ``(y, x)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import EchoApexError, PromptError, ScaleError

ImageStack = NDArray[np.uint8]
BoolMask = NDArray[np.bool_]
FloatArray = NDArray[np.float64]


class ScaleSource(StrEnum):
    """Where millimeters per pixel come from."""

    DICOM_REGION = "dicom_region"
    PIXEL_SPACING = "pixel_spacing"
    USER = "user"
    NONE = "none"


class TimeSource(StrEnum):
    """Where the frame times come from."""

    FRAME_TIME_VECTOR = "FrameTimeVector"
    FRAME_TIME = "FrameTime"
    CINE_RATE = "CineRate"
    DISPLAY_RATE = "RecommendedDisplayFrameRate"
    CONTAINER = "container"
    CLOCK = "clock"
    USER = "user"
    SINGLE_FRAME = "single_frame"
    UNKNOWN = "unknown"


class Mode(StrEnum):
    """What a clip shows; an image beside a trace counts as an image."""

    TWO_D = "2D"
    COLOR = "color"
    M_MODE = "M-mode"
    DOPPLER = "Doppler"

    @property
    def is_trace(self) -> bool:
        """Whether there is only a trace against time, in which nothing has an outline."""
        return self in (Mode.M_MODE, Mode.DOPPLER)


class ModeSource(StrEnum):
    """Where the mode comes from; `ASSUMED` is 2D, where the header is silent and a single frame shows no motion."""

    HEADER = "header"
    PIXELS = "pixels"
    ASSUMED = "assumed"


class Flip(StrEnum):
    """How a clip is turned after it was read: upper for lower rows, left for right columns, or both (180 degrees)."""

    VERTICAL = "vertical"
    HORIZONTAL = "horizontal"
    BOTH = "both"


@dataclass(frozen=True)
class Scale:
    """Millimeters per pixel as ``(y, x)``, or None with the reason why there is none. Never a guess."""

    mm_per_px: tuple[float, float] | None
    source: ScaleSource
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.mm_per_px is None) != (self.source is ScaleSource.NONE):
            raise ValueError("a scale has a source, and no scale has none")
        if self.mm_per_px is None:
            if not self.reason:
                raise ValueError("a missing scale needs its reason")
        elif not all(np.isfinite(v) and v > 0 for v in self.mm_per_px):
            raise ScaleError("Millimeters per pixel must be positive and finite", value=self.mm_per_px)

    @classmethod
    def none(cls, reason: str) -> Scale:
        """No scale, and why."""
        return cls(None, ScaleSource.NONE, reason)

    @property
    def known(self) -> bool:
        """Whether millimeters may be reported."""
        return self.mm_per_px is not None

    def require(self) -> tuple[float, float]:
        """Millimeters per pixel ``(y, x)``; raises `ScaleError` with the reason where there is none."""
        if self.mm_per_px is None:
            raise ScaleError(f"Millimeters need a scale, and this cine has none: {self.reason}")
        return self.mm_per_px


@dataclass(frozen=True)
class FrameTimes:
    """Time of each frame in seconds from the first, or None with the reason why they are unknown."""

    seconds: FloatArray | None
    source: TimeSource
    reason: str = ""

    def __post_init__(self) -> None:
        if self.seconds is None:
            if not self.reason:
                raise ValueError("unknown frame times need their reason")
            return
        if not np.all(np.isfinite(self.seconds)) or np.any(np.diff(self.seconds) <= 0):
            raise EchoApexError("Frame times must be finite and rise from frame to frame")

    @classmethod
    def unknown(cls, reason: str) -> FrameTimes:
        """No frame times, and why."""
        return cls(None, TimeSource.UNKNOWN, reason)

    @property
    def known(self) -> bool:
        """Whether seconds and heart rate may be reported."""
        return self.seconds is not None

    @property
    def frame_rate(self) -> float | None:
        """Frames per second from the median interval; None for unknown times or one frame."""
        if self.seconds is None or self.seconds.size < 2:
            return None
        return float(1.0 / np.median(np.diff(self.seconds)))


@dataclass(frozen=True)
class Sector:
    """Where the ultrasound image lies in the frame.

    ``mask`` is ``bool [H, W]``, true inside the sector; ``box`` is ``(x0, y0, x1, y1)`` of its pixels, both ends
    included; ``source`` says how it was found (``region``, ``motion``, ``brightness`` or ``whole_frame``),
    ``certainty`` how sure that is, from 0 to 1 (`echoapex.io.find_sector`); it is 1 where the sector was given.
    """

    mask: BoolMask
    box: tuple[int, int, int, int]
    source: str
    certainty: float = 1.0

    @classmethod
    def from_mask(cls, mask: BoolMask, source: str, certainty: float = 1.0) -> Sector:
        """A sector from its mask; raises `ValueError` when the mask is empty."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size == 0:
            raise ValueError("a sector needs at least one pixel")
        return cls(mask, (int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])), source, certainty)

    @property
    def facts(self) -> dict[str, Any]:
        """Box, source and certainty, fit for JSON."""
        return {"box": list(self.box), "source": self.source, "certainty": round(self.certainty, 3)}

    @classmethod
    def whole_frame(cls, rows: int, columns: int) -> Sector:
        """Every pixel, where no sector could be told apart."""
        return cls.from_mask(np.ones((rows, columns), bool), "whole_frame", 0.0)


@dataclass(frozen=True)
class Setting:
    """Under which conditions a clip was recorded; only clips of one setting show the same heart at one time.

    ``stage`` is that of a stress test, empty at rest; ``probe`` is ``transesophageal``, ``intracardiac`` or
    ``rotated``, empty for what is usual. ``protocol`` is what the machine was set to, by its name in the file; clips of
    several protocols may be of one setting, since machines name each step of one examination. `str` says it in words.
    """

    stage: str = ""
    contrast: bool = False
    probe: str = ""
    protocol: str = field(default="", compare=False)

    @property
    def usual(self) -> bool:
        """Whether a clip was recorded at rest with a transthoracic probe in its usual position."""
        return not self.stage and not self.probe

    @property
    def doubts(self) -> tuple[str, ...]:
        """Words for numbers that are made of such a clip."""
        if not self.probe:
            return ()
        return (f"The clip was recorded with a {self.probe} probe; views, outlines and ranges are of the usual one",)

    def __str__(self) -> str:
        parts = [f"at stage {self.stage}" if self.stage else "at rest"]
        parts += ["with contrast agent"] if self.contrast else []
        return " ".join([*parts, *([f"with a {self.probe} probe"] if self.probe else [])])


_COLOR_IGNORED = "The clip shows color flow, which was ignored as the user asked: colored blood may be taken for tissue"


@dataclass(frozen=True)
class Cine:
    """One clip: gray frames with their times, scale and sector.

    ``frames`` is ``uint8 [T, H, W]`` as stored, nothing masked; `masked_frames` blacks out what lies outside the
    sector. ``r_wave_times`` are seconds from the first frame. ``identifying`` names the header fields that identify
    the patient (their names, never their values); ``simulated`` is true for clips made by `echoapex.simulation`.
    ``parts`` are the files of the single frames, where each is a file of its own, and ``path`` is the first of them.
    ``color`` tells whether any pixel in the sector has a color, ``mode`` whether that is color flow; ``image_count`` is
    how many images stand side by side in each frame; ``setting`` is under which conditions it was recorded. ``flip``
    tells how `turned` has changed the frames of the file, ``color_ignored`` that `ignoring_color` took it for gray.
    ``color_frames`` are ``uint8 [T, H, W, 3]`` (RGB), where they were asked for and the sector has colors: they are for
    showing alone, and whatever is found or measured is so in ``frames``.
    """

    frames: ImageStack
    times: FrameTimes
    scale: Scale
    sector: Sector
    path: Path | None = None
    parts: tuple[Path, ...] = ()
    kind: str = "array"
    modality: str | None = None
    color: bool = False
    image_count: int = 1
    mode: Mode = Mode.TWO_D
    mode_source: ModeSource = ModeSource.ASSUMED
    heart_rate: float | None = None
    r_wave_times: tuple[float, ...] = ()
    view: str | None = None
    setting: Setting = field(default_factory=Setting)
    simulated: bool = False
    identifying: tuple[str, ...] = ()
    flip: Flip | None = None
    color_ignored: bool = False
    color_frames: ImageStack | None = None
    warnings: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.frames.ndim != 3 or self.frames.dtype != np.uint8 or 0 in self.frames.shape:
            raise EchoApexError(
                "A cine is uint8 frames [T, H, W] with at least one frame and pixel",
                value=f"{self.frames.dtype} {self.frames.shape}",
                file=self.path,
            )
        if self.times.seconds is not None and self.times.seconds.size != self.frame_count:
            raise EchoApexError("There must be one time for each frame", value=self.times.seconds.size, file=self.path)
        if self.sector.mask.shape != self.frames.shape[1:]:
            raise EchoApexError(
                "The sector must have the size of a frame", value=self.sector.mask.shape, file=self.path
            )
        colors = self.color_frames
        if colors is not None and (colors.dtype != np.uint8 or colors.shape != (*self.frames.shape, 3)):
            rule = "Frames in color are uint8 [T, H, W, 3], as many and as large as the gray ones"
            raise EchoApexError(rule, value=f"{colors.dtype} {colors.shape}", file=self.path)

    @property
    def frame_count(self) -> int:
        return int(self.frames.shape[0])

    @property
    def rows(self) -> int:
        return int(self.frames.shape[1])

    @property
    def columns(self) -> int:
        return int(self.frames.shape[2])

    def check_frame(self, frame: int) -> None:
        """Raises `PromptError` for a frame that the cine has not."""
        if not 0 <= frame < self.frame_count:
            raise PromptError(f"The frames must be 0 to {self.frame_count - 1}", value=frame, file=self.path)

    def turned(self, flip: Flip) -> Cine:
        """The clip with its rows (vertical), columns (horizontal) or both in reverse, which it says as a warning."""
        axes = {Flip.VERTICAL: (0,), Flip.HORIZONTAL: (1,), Flip.BOTH: (0, 1)}[flip]
        warning = f"The picture was turned by the user (flip: {flip})"
        return replace(
            self,
            frames=_flipped(self.frames, axes),
            color_frames=None if self.color_frames is None else _flipped(self.color_frames, axes),
            sector=Sector.from_mask(np.flip(self.sector.mask, axes), self.sector.source, self.sector.certainty),
            flip=flip,
            warnings=(*self.warnings, warning),
        )

    def ignoring_color(self) -> Cine:
        """The clip taken for a gray 2D one where it shows color flow, which it says as a warning."""
        if self.mode is not Mode.COLOR:
            return self
        return replace(self, mode=Mode.TWO_D, color_ignored=True, warnings=(*self.warnings, _COLOR_IGNORED))

    @property
    def doubts(self) -> tuple[str, ...]:
        """Words for numbers that are made of this clip."""
        return (*self.setting.doubts, *((_COLOR_IGNORED,) if self.color_ignored else ()))

    def masked_frames(self) -> ImageStack:
        """The frames with everything outside the sector (text, ECG, rulers) set to 0, ``uint8 [T, H, W]``."""
        return np.where(self.sector.mask[None], self.frames, np.uint8(0))

    def masked_color_frames(self) -> ImageStack | None:
        """As `masked_frames`, of ``color_frames``, ``uint8 [T, H, W, 3]``."""
        if self.color_frames is None:
            return None
        return np.where(self.sector.mask[None, ..., None], self.color_frames, np.uint8(0))


def _flipped(frames: ImageStack, axes: tuple[int, ...]) -> ImageStack:
    """Frames ``[T, H, W, ...]`` with the ``axes`` of each frame in reverse."""
    return np.ascontiguousarray(np.flip(frames, tuple(axis + 1 for axis in axes)))
