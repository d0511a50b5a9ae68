"""Where the parts of a heart lie at end-diastole: in mm, in heart coordinates of an adult's heart."""

from __future__ import annotations

import numpy as np

from .heart import PARASTERNAL_AZIMUTH_DEG, Array, Heart

SINUS_RISE_MM = 11.0
ROOT_LEAN = 0.05
"""The root is widest this far above the annulus, and comes nearer to the long axis by this share of its height."""
AO_WALL_MM = 2.2

UP = np.array([0.0, 1.0, 0.0])
"""From the apex to the annulus and on."""


def direction(azimuth_deg: float) -> Array:
    """The unit vector across the long axis in this direction: 0 is lateral, 90 anterior."""
    azimuth = np.deg2rad(azimuth_deg)
    return np.array([np.cos(azimuth), 0.0, np.sin(azimuth)])


TO_ROOT, LEFT_OF_ROOT = direction(PARASTERNAL_AZIMUTH_DEG), direction(PARASTERNAL_AZIMUTH_DEG - 90)
"""From the long axis to the aortic root, and from the root to the patient's left."""


def root_distance(heart: Heart) -> float:
    """How far the middle of the root lies from the LV axis at the annulus."""
    half_base = float(heart.radius(np.array([1.0]), 0.0)[0])
    return max(half_base + 5.0, 1.42 * (0.5 * heart.shape.root_mm + 3.0))


def root_center(heart: Heart, rise_mm: float) -> Array:
    """The middle of the aortic root, or of the ascending aorta, at a height above the annulus."""
    return (root_distance(heart) - ROOT_LEAN * rise_mm) * TO_ROOT + (heart.shape.length_mm + rise_mm) * UP


def outflow_width(heart: Heart) -> float:
    """Depth of the right ventricular outflow tract, from its front to its back."""
    return float(np.clip(0.7 * heart.shape.rv_width_mm, 16, 32))


def outflow_distance(heart: Heart) -> float:
    """How far the middle of the right ventricular outflow tract lies from the LV axis."""
    return root_distance(heart) + 0.5 * heart.shape.root_mm + AO_WALL_MM + 0.5 * outflow_width(heart)


def atrium_center(heart: Heart, *, left: bool) -> Array:
    """The middle of an atrium: the right one lies beside the left one with room for the septum between."""
    shape = heart.shape
    length = shape.la_length_mm if left else shape.ra_length_mm
    x = 0.04 * shape.la_width_mm
    if not left:
        half_base = float(heart.radius(np.array([1.0]), 0.0)[0])
        beside_annulus = half_base + shape.ivsd_mm + 0.5 * shape.rv_width_mm
        x = min(-beside_annulus, -(0.5 * shape.la_width_mm + 4.5 + 0.42 * shape.ra_width_mm))
    bend = float(heart.axis_offset(np.array([shape.length_mm + 0.4 * length]))[0])
    return np.array([x + bend, atrial_base(heart, left=left) + 0.40 * length, 0.0])


def atrial_base(heart: Heart, *, left: bool) -> float:
    """Level of an atrium's valve along the long axis in mm: the tricuspid valve lies nearer to the apex."""
    return heart.shape.length_mm - (0 if left else 0.04 * heart.shape.length_mm)


def tricuspid_hinges(heart: Heart) -> Array:
    """Where the tricuspid annulus crosses A4C, ``[2, 3]``: at the septum and at the free wall."""
    shape = heart.shape
    inner = -(float(heart.radius(np.array([1.0]), 0.0)[0]) + 0.88 * shape.ivsd_mm)
    outer = inner - 0.9 * shape.rv_width_mm
    return np.array([[inner, 0.955 * shape.length_mm, 0.0], [outer, 0.965 * shape.length_mm, 0.0]])
