"""Pictures by a probe within the body: in esophagus or stomach (TEE), or in the right atrium (ICE).

For pretraining alone: they are of another modality than the views through the chest, have none of their names, and are
never measured. Planes, sizes, and how a display turns the picture are choices of this project after usual drawings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from .canvas import Canvas
from .case import Case
from .first_hearts import heart_points
from .heart import Heart
from .real_hearts import draw_conditions
from .ultrasound_imaging import Imager
from .vendor_looks import TRAINING, Conditions, Look
from .view_planes import Placement, View, Window


class InsideModality(StrEnum):
    """Where the probe is."""

    TEE = "TEE"
    ICE = "ICE"


_ESOPHAGUS, _STOMACH, _ATRIUM = Window((2.0, 8.0)), Window((4.0, 16.0)), Window((3.0, 18.0))
_BEHIND_LEFT_ATRIUM = View("TEE behind the left atrium", 0.0, 180.0, 1.0, 0.0, _ESOPHAGUS)
_BELOW_LEFT_VENTRICLE = View("TEE below the left ventricle", 90.0, 90.0, 0.46, 0.0, _STOMACH)
_TOWARDS_TRICUSPID = View("ICE towards the tricuspid valve", 0.0, 180.0, 1.0, 0.0, _ATRIUM, target="tricuspid valve")
_TOWARDS_SEPTUM = View("ICE towards the atrial septum", 0.0, 90.0, 1.0, 0.0, _ATRIUM, target="right atrium")

_ROOF = 0.98
"""The roof of the left atrium above the annulus, as a share of the atrium's length."""
_BOTTOM_UP_SHARE, _NARROW_SHARE, _TURNED_SHARE = 0.4, 0.35, 0.5
"""How many pictures have their tip at the bottom, are narrow, and are turned."""


@dataclass(frozen=True)
class InsidePictures:
    """``frames uint8 [T, S, S]`` of one plane and their ``sector bool [S, S]``.

    ``plane`` says in words where the probe stands and looks.
    """

    modality: InsideModality
    plane: str
    frames: NDArray[np.uint8]
    sector: NDArray[np.bool_]


def draw_inside(case: Case, modality: InsideModality, size: int, phases: list[float], draw: int = 0) -> InsidePictures:
    """Square pictures of the heart of ``case`` at some ``phases``; the ``draw``-th of its seed and ``modality``."""
    rng = np.random.default_rng([case.seed, 12, list(InsideModality).index(modality), draw])
    placement = (_in_the_esophagus if modality is InsideModality.TEE else _in_the_atrium)(case, rng)
    look = _draw_look(case, modality, rng)
    conditions = _draw_conditions(case, placement, modality, rng)
    heart = Heart(replace(case.shape, vessels=bool(placement.view.target)))
    imager = Imager(heart, placement, look, conditions, seed=case.seed, sampling=TRAINING)
    canvas = Canvas.around(size, size, look, conditions)
    pictures = []
    for phase in phases:
        imager.forget()
        pictures.append(imager.picture(phase, canvas))
    frames, sector = _as_displayed(np.stack(pictures), imager.in_sector(canvas), rng)
    return InsidePictures(modality, placement.view.name, frames, sector)


def _in_the_esophagus(case: Case, rng: np.random.Generator) -> Placement:
    """Behind the left atrium at any angle of the array, or from the stomach, mostly across the left ventricle."""
    u, shape = rng.uniform, case.shape
    if rng.random() < 0.7:
        view = replace(_BEHIND_LEFT_ATRIUM, anchor_level=1 + _ROOF * shape.la_length_mm / shape.length_mm)
        return _placed(case, view, rng, rotation=float(u(-10, 190)), tilt=float(u(-22, 22)), aside=10.0)
    across = rng.random() < 0.75
    view = replace(_BELOW_LEFT_VENTRICLE, anchor_level=float(u(0.2, 0.9)), roll_deg=-90.0 if across else 0.0)
    placement = _placed(case, view, rng, rotation=float(u(-35, 35)), tilt=float(u(-18, 18)), aside=10.0)
    before = -float(heart_points(Heart(shape), placement)[:, 1].min())
    return replace(placement, anchor_depth_mm=placement.anchor_depth_mm + before)


def _in_the_atrium(case: Case, rng: np.random.Generator) -> Placement:
    """Looking through the tricuspid valve into the right ventricle, or across the atrial septum."""
    u = rng.uniform
    if rng.random() < 0.5:
        placement = _placed(case, _TOWARDS_TRICUSPID, rng, rotation=float(u(0, 360)), tilt=float(u(-20, 20)), aside=6.0)
        within = 0.5 * case.shape.ra_length_mm
        return replace(placement, anchor_depth_mm=placement.anchor_depth_mm + within)
    view = replace(_TOWARDS_SEPTUM, roll_deg=float(u(0, 360)))
    return _placed(case, view, rng, rotation=float(u(-35, 35)), tilt=float(u(-30, 30)), aside=5.0)


def _placed(
    case: Case, view: View, rng: np.random.Generator, *, rotation: float, tilt: float, aside: float
) -> Placement:
    growth = case.shape.growth
    return Placement(
        view,
        float(rng.normal(0, aside)) * growth,
        float(rng.uniform(*view.window.depth_mm)) * growth,
        rotation_deg=rotation,
        tilt_deg=tilt,
        foreshortening_deg=float(np.clip(rng.normal(0, 6), -14, 14)),
        mirrored=bool(rng.random() < 0.5),
    )


def _draw_look(case: Case, modality: InsideModality, rng: np.random.Generator) -> Look:
    """Small arrays of higher frequencies than through the chest; some sectors are narrow."""
    u = rng.uniform
    frequency = u(4.0, 7.0) if modality is InsideModality.TEE else u(5.0, 9.0)
    width = u(38, 62) if rng.random() < _NARROW_SHARE else u(70, 96)
    return replace(
        case.look,
        frequency_mhz=float(frequency) / case.shape.growth,
        lateral_fwhm_deg=float(u(1.0, 2.0)),
        width_deg=float(width),
        virtual_apex_mm=float(u(0, 5)) * case.shape.growth if rng.random() < 0.5 else 0.0,
    )


def _draw_conditions(
    case: Case, placement: Placement, modality: InsideModality, rng: np.random.Generator
) -> Conditions:
    """As through the chest, but with the rings of the probe itself in the near field, and noise from the middle on."""
    u, growth = rng.uniform, case.shape.growth
    depth = u(90, 170) if modality is InsideModality.TEE else u(60, 130)
    drawn = draw_conditions(case, placement, float(depth) * growth, rng)
    return replace(drawn, clutter=float(u(0.8, 2.2)), noise_db=float(u(-80, -58)), near_haze=0.0)


def _as_displayed(
    frames: NDArray[np.uint8], sector: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Some with the tip at the bottom, some turned, as large as the square allows; and their sector."""
    if rng.random() < _BOTTOM_UP_SHARE:
        frames, sector = np.ascontiguousarray(frames[:, ::-1]), np.ascontiguousarray(sector[::-1])
    if rng.random() >= _TURNED_SHARE:
        return frames, sector
    return _turned(frames, sector, float(rng.uniform(-45, 45)))


def _turned(
    frames: NDArray[np.uint8], sector: NDArray[np.bool_], degrees: float
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    import cv2

    size = frames.shape[1]
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    y, x = np.nonzero(sector)
    places = turn @ np.stack([x, y]).astype(np.float64)
    low, high = places.min(1), places.max(1)
    scale = 0.97 * size / float((high - low).max())
    matrix = np.column_stack([scale * turn, (size - 1) / 2 - scale * (low + high) / 2])
    turned = np.stack([np.asarray(cv2.warpAffine(frame, matrix, (size, size)), np.uint8) for frame in frames])
    inside = cv2.warpAffine(sector.view(np.uint8), matrix, (size, size), flags=cv2.INTER_NEAREST) > 0
    return turned, inside
