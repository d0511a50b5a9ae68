"""A simulated clip as a capture of a machine's whole screen, with the sector's true place known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import EchoApexError
from .color_flow import color_frames, draw_box
from .machine_interfaces import INTERFACES, Interface, Readings, draw_ecg, fixed_screen
from .simulated_clip import SimulatedClip


def screen_frames(clip: SimulatedClip, *, color_flow: bool = False) -> NDArray[np.uint8]:
    """The clip's frames within the interface they were simulated for, ``uint8 [T, H, W, 3]``.

    The trace of the ECG moves, over the sector where the design has it there. Truth masks, landmarks and
    `Imager.in_sector` hold in these pixels. Raises `EchoApexError` for a clip simulated for no interface.
    """
    design, canvas = interface_of(clip), clip.canvas
    rate, depth = 1 / clip.frame_time_s, clip.imager.conditions.depth_mm / 10
    beats, mhz = clip.case.shape.heart_rate, clip.case.look.frequency_mhz
    readings, probe = Readings(clip.view, rate, depth, mhz, beats), (canvas.probe_x, canvas.probe_y)
    still = fixed_screen(design, canvas.rows, canvas.columns, readings, probe, canvas.mm_per_px)
    inside = clip.imager.in_sector(canvas)
    flow = color_frames(clip, draw_box(clip, np.random.default_rng([clip.case.seed, 8]))) if color_flow else None
    screens = []
    for index, frame in enumerate(clip.frames):
        screen = still.copy()
        screen[inside] = frame[inside][:, None] if flow is None else flow[index][inside]
        draw_ecg(screen, design, index * clip.frame_time_s, 60 / beats, float(clip.phases[index]))
        screens.append(screen)
    return np.stack(screens)


def interface_of(clip: SimulatedClip) -> Interface:
    """The design that a clip was simulated for."""
    if clip.interface is None:
        raise EchoApexError("A capture of the screen needs a clip simulated for an interface", value=clip.view)
    return INTERFACES[clip.interface]


def draw_interface(seed: int) -> str:
    """The name of the design on the screen of the patient of ``seed``."""
    names = list(INTERFACES)
    return names[int(np.random.default_rng([seed, 9]).integers(len(names)))]
