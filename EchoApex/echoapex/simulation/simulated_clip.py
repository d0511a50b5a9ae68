"""A simulated clip: moving pictures of one view with times, scale and exact truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..cine import Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from ..errors import EchoApexError
from ..landmarks import WALL_LANDMARKS, Landmarks
from .heart import Heart
from .machine_interfaces import INTERFACES
from .presets import Case, draw_placement
from .ultrasound_imaging import Canvas, Imager
from .vendor_looks import FINE, Sampling
from .view_planes import Placement

SMALLEST_PX = 48
"""Rows and columns that the burned-in overlay needs."""


@dataclass(frozen=True)
class SimulatedClip:
    """Frames ``uint8 [T, H, W]`` of ``view`` and how they came about; ``phases [T]`` count beats from an R wave.

    ``interface`` names the design of the screen in which the sector lies (`INTERFACES`), None for a frame of its own.
    """

    case: Case
    view: str
    frames: NDArray[np.uint8]
    phases: NDArray[np.float64]
    frame_time_s: float
    canvas: Canvas
    placement: Placement
    imager: Imager
    interface: str | None = None

    @property
    def heart(self) -> Heart:
        return self.imager.heart

    def labels(self, frame: int) -> NDArray[np.uint8]:
        """Exact tissue of every pixel of ``frame``, ``uint8 [H, W]``."""
        return self.imager.labels(float(self.phases[frame]), self.canvas)

    def lv_without_trabeculae(self, frame: int) -> NDArray[np.bool_]:
        """The LV of ``frame`` without its trabecular layer, ``bool [H, W]``: some trace it so, `labels` does not."""
        return np.asarray(self.imager.lv_without_trabeculae(float(self.phases[frame]), self.canvas))

    def landmarks(self) -> Landmarks:
        """Where the wall landmarks truly are; NaN in views other than PLAX."""
        points = np.full((len(self.frames), len(WALL_LANDMARKS), 2), np.nan)
        if self.view == "PLAX":
            for frame, phase in enumerate(self.phases):
                points[frame] = self.canvas.to_pixels(self.imager.wall_landmarks(float(phase)))
        return Landmarks(WALL_LANDMARKS, points, np.where(np.isfinite(points[..., 0]), 0.0, np.nan))

    def volumes_ml(self) -> NDArray[np.float64]:
        """True LV volume of each frame."""
        return np.array([self.heart.volume_ml(float(phase)) for phase in self.phases])

    def r_wave_frames(self) -> list[int]:
        """Frames nearest to each R wave in the clip."""
        waves = np.arange(np.ceil(self.phases[0] - 1e-9), self.phases[-1] + 1e-9)
        return [int(np.argmin(np.abs(self.phases - wave))) for wave in waves]

    def cine(self) -> Cine:
        """The clip as the engine sees a cine, marked as simulated."""
        seconds = np.arange(len(self.frames), dtype=np.float64) * self.frame_time_s
        mm = self.canvas.mm_per_px
        return Cine(
            frames=self.frames,
            times=FrameTimes(seconds, TimeSource.FRAME_TIME),
            scale=Scale((mm, mm), ScaleSource.DICOM_REGION),
            sector=Sector.from_mask(self.imager.in_sector(self.canvas), "region"),
            kind="simulation",
            modality="US",
            heart_rate=self.case.shape.heart_rate,
            view=self.view,
            simulated=True,
        )


def simulate_clip(
    case: Case,
    view: str,
    *,
    rows: int = 480,
    columns: int = 640,
    beats: float = 1.4,
    sampling: Sampling = FINE,
    max_frames: int | None = None,
    interface: str | None = None,
    clip: int = 0,
    every: int = 1,
) -> SimulatedClip:
    """Simulates one clip of ``view``; frame time (20 to 40 ms) and first phase are drawn from the case's seed.

    The ``easy`` preset starts at the R wave with 33.3 ms a frame. Another ``clip`` is another acquisition of the same
    heart; of its frames every ``every``-th is kept. With an ``interface`` the sector lies where that design of a screen
    has it. Raises `EchoApexError` for a view or an interface that cannot be simulated, and for a clip without frames or
    too small for its overlay.
    """
    if not 0 < beats < np.inf or (max_frames is not None and max_frames < 1) or every < 1:
        raise EchoApexError(
            "A simulated clip needs a length above 0 beats and 1 frame or more", value=(beats, max_frames)
        )
    if min(rows, columns) < SMALLEST_PX:
        raise EchoApexError(f"A simulated clip has at least {SMALLEST_PX} rows and columns", value=(rows, columns))
    if interface is not None and interface not in INTERFACES:
        raise EchoApexError(f"An interface is one of {', '.join(INTERFACES)}", value=interface)
    placement, conditions = draw_placement(case, view, clip)
    rng = np.random.default_rng([case.seed, 4, clip] if clip else [case.seed, 4])
    easy = case.preset == "easy"
    frame_time = every * (1 / 30 if easy else float(rng.uniform(0.020, 0.040)))
    first = 0.0 if easy else float(rng.uniform(0, 1))
    period = 60 / case.shape.heart_rate
    count = max(2, round(beats * period / frame_time))
    count = count if max_frames is None else min(count, max_frames)
    phases = first + np.arange(count, dtype=np.float64) * frame_time / period
    heart = case.heart(view)
    seed = int(np.random.SeedSequence([case.seed, 10, clip]).generate_state(1)[0]) if clip else case.seed
    imager = Imager(heart, placement, case.look, conditions, seed=seed, sampling=sampling, reference_phase=first)
    if interface is None:
        canvas = Canvas.around(rows, columns, case.look, conditions, top=0.04)
    else:
        canvas = Canvas.within(rows, columns, INTERFACES[interface].picture, case.look, conditions)
    frames = np.stack([imager.picture(float(phase), canvas) for phase in phases])
    return SimulatedClip(case, view, frames, phases, frame_time, canvas, placement, imager, interface)
