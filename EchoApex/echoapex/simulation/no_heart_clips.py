"""Clips that show no heart: other organs and test objects, the probe in air, Doppler and M-mode displays.

Made cheaply (`speckle`), without truth masks: what is true of them is that there is nothing to measure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine, FrameTimes, Mode, ModeSource, Scale, ScaleSource, Sector, TimeSource
from ..errors import EchoApexError
from .doppler_and_mmode import TraceAxes, draw_m_mode, draw_spectral
from .no_heart_motion_and_noise import Film
from .no_heart_tissue import SCENES
from .simulated_clip import SMALLEST_PX
from .speckle import Fan
from .ultrasound_imaging import Canvas
from .vendor_looks import Look


class OtherKind(StrEnum):
    """What is seen in place of a heart."""

    NO_HEART = "no_heart"
    AIR = "air"
    SPECTRAL = "spectral"
    M_MODE = "m_mode"


_SHARES = {OtherKind.NO_HEART: 0.5, OtherKind.AIR: 0.2, OtherKind.SPECTRAL: 0.15, OtherKind.M_MODE: 0.15}
"""How often each kind is drawn (our choice): organs look most like a heart."""

_OVERSIZED_PX = 4096


@dataclass(frozen=True)
class OtherClip:
    """A simulated clip without a heart.

    ``frames uint8 [T, H, W]``; ``sector bool [H, W]`` is the fan, or the strip of a trace; ``mm_per_px`` is isotropic
    and None for traces, where one axis is time; ``axes`` says what a trace's axes mean (None for images); ``scene``
    names what was drawn within the kind.
    """

    kind: OtherKind
    scene: str
    seed: int
    look: Look
    frames: NDArray[np.uint8]
    sector: NDArray[np.bool_]
    mm_per_px: float | None
    frame_time_s: float
    axes: TraceAxes | None = None

    @property
    def mode(self) -> Mode:
        """What a machine's header calls this clip."""
        return {OtherKind.SPECTRAL: Mode.DOPPLER, OtherKind.M_MODE: Mode.M_MODE}.get(self.kind, Mode.TWO_D)

    def cine(self) -> Cine:
        """The clip as the engine sees a cine, marked as simulated."""
        mm, count = self.mm_per_px, len(self.frames)
        scale = Scale.none("a trace has time on one axis") if mm is None else Scale((mm, mm), ScaleSource.DICOM_REGION)
        return Cine(
            frames=self.frames,
            times=FrameTimes(np.arange(count, dtype=np.float64) * self.frame_time_s, TimeSource.FRAME_TIME),
            scale=scale,
            sector=Sector.from_mask(self.sector, "region"),
            kind="simulation",
            modality="US",
            mode=self.mode,
            mode_source=ModeSource.HEADER,
            view="OTHER",
            simulated=True,
        )


def draw_other(
    seed: int,
    look: Look,
    size_rows: int,
    size_columns: int,
    frames: int,
    kind: OtherKind | None = None,
) -> OtherClip:
    """A clip of ``frames`` frames without a heart, by the machine of ``look``; the same for the same arguments.

    ``kind`` is drawn from the seed where it is None. Raises `EchoApexError` for a negative seed, no frames, or a size
    outside 48 to 4096 pixels.
    """
    if seed < 0 or frames < 1:
        raise EchoApexError("A clip without a heart needs a seed from 0 and at least one frame", value=(seed, frames))
    if not all(SMALLEST_PX <= size <= _OVERSIZED_PX for size in (size_rows, size_columns)):
        rule = f"A clip without a heart has {SMALLEST_PX} to {_OVERSIZED_PX} rows and columns"
        raise EchoApexError(rule, value=(size_rows, size_columns))
    rng = np.random.default_rng([seed, 5])
    kinds = list(_SHARES)
    drawn = kinds[int(rng.choice(len(kinds), p=list(_SHARES.values())))]
    kind = drawn if kind is None else OtherKind(kind)
    frame_time = float(rng.uniform(0.020, 0.040))
    if kind in (OtherKind.SPECTRAL, OtherKind.M_MODE):
        draw = draw_spectral if kind is OtherKind.SPECTRAL else draw_m_mode
        trace = draw(rng, look, (size_rows, size_columns), frames, frame_time)
        return OtherClip(kind, trace.scene, seed, look, trace.frames, trace.sector, None, frame_time, trace.axes)
    depth = float(rng.uniform(60, 220))
    canvas = Canvas.fit(size_rows, size_columns, look, depth)
    fan = Fan(look, canvas, depth)
    scene = str(rng.choice(list(SCENES))) if kind is OtherKind.NO_HEART else "air"
    film = Film(rng, fan, SCENES.get(scene))
    pictures = np.stack([film.picture(index * frame_time) for index in range(frames)])
    return OtherClip(kind, scene, seed, look, pictures, fan.sector, canvas.mm_per_px, frame_time)
