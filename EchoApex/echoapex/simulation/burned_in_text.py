"""Burned-in text, depth ruler, gray bar and ECG strip, outside the sector as machines draw them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .machine_interfaces import ecg_height
from .simulated_clip import SimulatedClip


def burned_in(clip: SimulatedClip) -> NDArray[np.uint8]:
    """The clip's frames ``uint8 [T, H, W]`` with the overlay drawn in; nothing is drawn inside the sector."""
    fixed = _fixed(clip)
    inside = clip.imager.in_sector(clip.canvas)
    trace = _ecg(clip)
    frames = []
    for index, frame in enumerate(clip.frames):
        drawn = np.maximum(fixed, _ecg_until(trace, (index + 1) / len(clip.frames), frame.shape))
        frames.append(np.where(inside, frame, np.maximum(frame, drawn)))
    return np.stack(frames).astype(np.uint8)


def _fixed(clip: SimulatedClip) -> NDArray[np.uint8]:
    import cv2

    canvas, look = clip.canvas, clip.case.look
    picture = np.zeros((canvas.rows, canvas.columns), np.uint8)
    depth_cm = clip.imager.conditions.depth_mm / 10
    lines = (
        "SIMULATED",
        f"{clip.view}  {look.name}",
        f"FR {1 / clip.frame_time_s:.0f} Hz",
        f"{depth_cm:.1f} cm  {look.frequency_mhz:.1f} MHz",
    )
    size = 0.4 * canvas.rows / 480
    for row, text in enumerate(lines):
        cv2.putText(
            picture,
            text,
            (8, int((18 + 15 * row) * canvas.rows / 480)),
            cv2.FONT_HERSHEY_SIMPLEX,
            size,
            200,
            1,
            cv2.LINE_AA,
        )
    rate = f"HR {clip.case.shape.heart_rate:.0f} bpm"
    cv2.putText(
        picture,
        rate,
        (int(canvas.columns * 0.85), canvas.rows - 8),
        cv2.FONT_HERSHEY_SIMPLEX,
        size,
        200,
        1,
        cv2.LINE_AA,
    )
    for centimeter in range(int(depth_cm) + 1):
        y = round(canvas.probe_y + 10 * centimeter / canvas.mm_per_px)
        # Above the picture where its top is cut off.
        if y >= 0:
            length = 12 if centimeter % 5 == 0 else 6
            picture[min(y, canvas.rows - 1), canvas.columns - length : canvas.columns - 2] = 160
    bar = np.linspace(255, 0, canvas.rows // 5).astype(np.uint8)
    picture[24 : 24 + bar.size, canvas.columns - 28 : canvas.columns - 20] = bar[:, None]
    return picture


def _ecg(clip: SimulatedClip) -> NDArray[np.float64]:
    """Trace height (1 is an R wave) for each image column over the whole clip."""
    return ecg_height(np.linspace(clip.phases[0], clip.phases[-1], clip.canvas.columns))


def _ecg_until(trace: NDArray[np.float64], share: float, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    picture = np.zeros(shape, np.uint8)
    columns = np.arange(int(shape[1] * share))
    rows = shape[0] - 14 - (0.06 * shape[0] * (trace[: columns.size] + 0.25)).astype(int)
    for column, (row, before) in enumerate(zip(rows, np.roll(rows, 1), strict=True)):
        low, high = (row, row) if column == 0 else sorted((row, before))
        picture[low : high + 1, column] = 180
    return picture
