"""Shapes and curves with exact truth for the tests of `echoapex.measure`, independent of the engine's simulator."""

from __future__ import annotations

import numpy as np


def ellipse_mask(
    width_mm,
    length_mm,
    *,
    cut=0.0,
    angle_deg=-90.0,
    mm_per_px=(0.5, 0.5),
    flip=False,
    field_mm=130.0,
    center_mm=(0.0, 0.0),
):
    """An ellipse cut flat at its base, ``bool [H, W]``, and its exact volume of revolution in mL.

    ``cut`` is how far beyond the widest level it goes on, in half axes: 0 is half an ellipse, 1 a whole one.
    ``angle_deg`` is the direction base to apex in the image (x right, y down), so -90 is apex up.
    """
    size_y, size_x = mm_per_px
    rows, columns = round(field_mm / size_y), round(field_mm / size_x)
    y, x = np.mgrid[:rows, :columns]
    x_mm = (x - (columns - 1) / 2) * size_x - center_mm[0]
    y_mm = (y - (rows - 1) / 2) * size_y - center_mm[1]
    x_mm = -x_mm if flip else x_mm
    angle = np.deg2rad(angle_deg)
    half = length_mm / (1.0 + cut)
    along = x_mm * np.cos(angle) + y_mm * np.sin(angle) + half - length_mm / 2
    across = -x_mm * np.sin(angle) + y_mm * np.cos(angle)
    mask = ((along / half) ** 2 + (across / (width_mm / 2)) ** 2 <= 1.0) & (along >= -cut * half)
    volume = np.pi * (width_mm / 2) ** 2 * half * ((1 + cut) - (1 + cut**3) / 3) / 1000.0
    return mask, volume


def landmarks_mm(width_mm, length_mm, *, cut=0.0, angle_deg=-90.0):
    """True apex, base middle and half width of the base of `ellipse_mask`, in mm from the middle of the field."""
    direction = np.array([np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))])
    half_base = width_mm / 2 * np.sqrt(1.0 - cut**2)
    return direction * length_mm / 2, -direction * length_mm / 2, half_base


def to_mm(point_px, shape, mm_per_px):
    """Pixel ``(x, y)`` to mm from the middle of the field."""
    rows, columns = shape
    return np.array([(point_px[0] - (columns - 1) / 2) * mm_per_px[1], (point_px[1] - (rows - 1) / 2) * mm_per_px[0]])


def beat_fraction(phase):
    """Filling of the ventricle over a beat, 1 at ED (phase 0) and 0 at ES (phase 0.38): smooth, with a flat top."""
    phase = np.asarray(phase) % 1.0
    systole = 0.5 + 0.5 * np.cos(np.pi * np.clip(phase / 0.38, 0, 1))
    diastole = 0.5 - 0.5 * np.cos(np.pi * np.clip((phase - 0.38) / 0.5, 0, 1))
    return np.where(phase < 0.38, systole, diastole)


def volume_curve(frame_count, *, rate_hz=50.0, heart_rate=60.0, edv=120.0, ef=60.0, start_phase=0.0):
    """Volumes ``[T]`` in mL and frame times ``[T]`` in s of a regular heart."""
    seconds = np.arange(frame_count) / rate_hz
    fraction = beat_fraction(seconds * heart_rate / 60.0 + start_phase)
    return edv * (1.0 - ef / 100.0 * (1.0 - fraction)), seconds


def cine_masks(volumes_ml, *, mm_per_px=(0.5, 0.5), angle_deg=-70.0, flip=False, cut=0.0, field_mm=130.0):
    """Masks ``bool [T, H, W]`` of cut ellipsoids of revolution with exactly these volumes; the base moves too."""
    masks = []
    for volume in volumes_ml:
        length = 55.0 + 0.28 * volume
        _, unit_volume = ellipse_mask(1.0, length, cut=cut, field_mm=2.0)
        mask, _ = ellipse_mask(
            np.sqrt(volume / unit_volume),
            length,
            cut=cut,
            angle_deg=angle_deg,
            mm_per_px=mm_per_px,
            flip=flip,
            field_mm=field_mm,
        )
        masks.append(mask)
    return np.stack(masks)
