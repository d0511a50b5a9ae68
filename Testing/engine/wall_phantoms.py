"""Wall landmarks of a regular heart whose distances are known exactly, for the tests of `echoapex.measure`."""

from __future__ import annotations

import numpy as np
from measure_phantoms import beat_fraction

from echoapex.cine import FrameTimes, Scale, ScaleSource, TimeSource
from echoapex.landmarks import WALL_LANDMARKS, Landmarks
from echoapex.measure.wall_thickness import measure_walls

MM = (0.5, 0.5)
SCALE = Scale(MM, ScaleSource.DICOM_REGION)
NO_SCALE = Scale.none("the file has none")
IVS, LVID, PW, FS = 11.0, 48.0, 9.0, 34.0
FRAMES, RATE = 90, 50.0


def times_of(count=FRAMES, rate=RATE):
    return FrameTimes(np.arange(count) / rate, TimeSource.FRAME_TIME)


def chain(count=FRAMES, *, walls=(IVS, PW), lvid=LVID, fs=FS, angle_deg=80.0, mm_per_px=MM, rate=RATE, sigma=1.0):
    """Landmarks of a regular heart at 60/min; walls thicken by a third as the cavity gets smaller."""
    filling = beat_fraction(np.arange(count) / rate + 0.85)
    inner = lvid * (1 - fs / 100 * (1 - filling))
    septum, posterior = (wall * (1 + (1 - filling) / 3) for wall in walls)
    direction = np.array([np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))])
    places = np.stack([-septum, 0 * inner, inner, inner + posterior], axis=1) - 20
    middle = np.array([90.0, 80.0]) + 3 * filling[:, None] * np.array([1.0, 0.5])
    points = (middle[:, None] + places[..., None] * direction) / np.array([mm_per_px[1], mm_per_px[0]])
    return Landmarks(WALL_LANDMARKS, points, np.full((count, 4), sigma))


def measure(landmarks, scale=SCALE, **more):
    return measure_walls(
        "plax", landmarks, scale=scale, times=more.pop("times", times_of(len(landmarks.points))), **more
    )


def values(result):
    return {item.name: item.value for item in result.measurements}


def moved(landmarks, frames, name, by_px):
    points = landmarks.points.copy()
    points[frames, landmarks.names.index(name)] += by_px
    return Landmarks(landmarks.names, points, landmarks.sigma_px)
