"""View planes as data, and where one cut lies on the image.

A view plane is spanned by a depth direction (away from the probe) and a lateral one. Image coordinates are
millimeters: ``X`` to the right of the probe's center, ``D`` down from its face, ``E`` out of the plane.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .great_vessels import arch_top, caval_mouth, pulmonary_valve
from .heart import PARASTERNAL_AZIMUTH_DEG, Array, Heart
from .heart_places import SINUS_RISE_MM, atrium_center, root_center, tricuspid_hinges


@dataclass(frozen=True)
class Window:
    """Where the probe stands; ``depth_mm`` is what lies between it and the heart, of an apical one its apex.

    With ``liver`` the beams pass the liver first.
    """

    depth_mm: tuple[float, float]
    apical: bool = False
    liver: bool = False


APICAL = Window((9.0, 24.0), apical=True)
PARASTERNAL = Window((6.0, 22.0))
SUBCOSTAL = Window((28.0, 62.0), liver=True)
SUPRASTERNAL = Window((10.0, 28.0))


@dataclass(frozen=True)
class View:
    """One standard view.

    ``azimuth_deg`` turns the plane about the LV long axis (0 is A4C); ``incline_deg`` is the angle from the long axis
    to the depth direction (0 apical, -90 parasternal); ``roll_deg`` turns the plane about the depth direction (0 holds
    the long axis; -90, with an incline of -90, is a short axis); ``elevation_deg`` tips it about the apex, towards the
    aorta in A5C. ``anchor_level`` is the point on the long axis that is placed at ``anchor_x_mm``, at a depth that
    follows from its ``window``. ``tricuspid`` says whether that valve is drawn. Where there is a ``target``, one of
    `TARGETS`, that is placed instead of a point on the long axis, in a heart with its great vessels. ``aside`` moves
    the heart to the right by this share of the left ventricle's diameter; ``zoomed`` shows the valves alone.
    """

    name: str
    azimuth_deg: float
    incline_deg: float
    anchor_level: float
    anchor_x_mm: float
    window: Window
    tricuspid: bool = False
    roll_deg: float = 0.0
    elevation_deg: float = 0.0
    target: str = ""
    aside: float = 0.0
    zoomed: bool = False


TARGETS: Mapping[str, Callable[[Heart], Array]] = {
    "tricuspid valve": lambda heart: tricuspid_hinges(heart).mean(0),
    "aortic valve": lambda heart: root_center(heart, SINUS_RISE_MM),
    "pulmonary valve": pulmonary_valve,
    "inferior vena cava": caval_mouth,
    "aortic arch": arch_top,
    "right atrium": lambda heart: atrium_center(heart, left=False),
}
"""Where a view is aimed at beside the long axis: places in an adult's heart, in mm."""

_AZIMUTH = PARASTERNAL_AZIMUTH_DEG
VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        View("A4C", 0.0, 0.0, 0.0, 6.0, APICAL, tricuspid=True),
        View("A2C", 90.0, 0.0, 0.0, 0.0, APICAL),
        View("PLAX", _AZIMUTH, -84.0, 0.72, 0.0, PARASTERNAL),
        View("A3C", _AZIMUTH, 0.0, 0.0, -4.0, APICAL),
        View("A5C", 0.0, 0.0, 0.0, 6.0, APICAL, tricuspid=True, elevation_deg=12.0),
        View("PSAX_MV", _AZIMUTH, -90.0, 0.79, 4.0, PARASTERNAL, roll_deg=-90.0),
        View("PSAX_PM", _AZIMUTH, -90.0, 0.46, 4.0, PARASTERNAL, roll_deg=-90.0),
        View("SC4C", 0.0, 68.0, 0.55, 8.0, SUBCOSTAL, tricuspid=True),
        View("A4C_RV", 0.0, 0.0, 0.0, 6.0, APICAL, tricuspid=True, aside=0.6),
        View("PLAX_RVIN", 90.0, -88.0, 1.0, 6.0, PARASTERNAL, target="tricuspid valve"),
        View("PLAX_RVOUT", _AZIMUTH, -84.0, 1.0, 4.0, PARASTERNAL, roll_deg=-50.0, target="pulmonary valve"),
        View("PSAX_AV", _AZIMUTH, -90.0, 1.0, -2.0, PARASTERNAL, roll_deg=-90.0, target="aortic valve"),
        View("PSAX_APEX", _AZIMUTH, -90.0, 0.14, 4.0, PARASTERNAL, roll_deg=-90.0),
        View("SCSAX", -15.0, 84.0, 0.5, 6.0, SUBCOSTAL, roll_deg=90.0),
        View("SCIVC", 0.0, 68.0, 1.0, 22.0, SUBCOSTAL, roll_deg=90.0, target="inferior vena cava"),
        View("SSN", _AZIMUTH, 180.0, 1.0, 6.0, SUPRASTERNAL, target="aortic arch"),
        View("ZOOM", _AZIMUTH, -84.0, 1.02, 0.0, PARASTERNAL, zoomed=True),
    )
}
"""The views that can be simulated; the angles are choices of this project after usual drawings of standard views."""


@dataclass(frozen=True)
class Placement:
    """How a view was cut in one clip: off-axis angles in degrees, the anchor's place in mm, and mirroring.

    ``rotation_deg`` adds to the azimuth, ``tilt_deg`` turns within the plane, ``foreshortening_deg`` turns the plane
    away from the true apex; ``mirrored`` flips left and right as some laboratories display.
    """

    view: View
    anchor_x_mm: float
    anchor_depth_mm: float
    rotation_deg: float = 0.0
    tilt_deg: float = 0.0
    foreshortening_deg: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True)
class Plane:
    """The cut itself: heart position of the probe and the unit vectors of X, D and E, in heart coordinates."""

    origin: Array
    lateral: Array
    depth: Array
    normal: Array

    def to_heart(self, image_points: Array) -> Array:
        """Image points ``[N, 2 or 3]`` (X, D and, if given, E) to heart coordinates ``[N, 3]``."""
        points = self.origin + image_points[:, :1] * self.lateral + image_points[:, 1:2] * self.depth
        return points + image_points[:, 2:3] * self.normal if image_points.shape[1] == 3 else points

    def to_image(self, points: Array) -> Array:
        """Heart points ``[N, 3]`` to ``(X, D, E)``."""
        offset = points - self.origin
        return np.stack([offset @ self.lateral, offset @ self.depth, offset @ self.normal], axis=1)


def cut(heart: Heart, placement: Placement) -> Plane:
    """The plane of ``placement`` through ``heart``."""
    view = placement.view
    azimuth = np.deg2rad(view.azimuth_deg + placement.rotation_deg)
    across = np.array([np.cos(azimuth), 0.0, np.sin(azimuth)])
    along = np.array([0.0, 1.0, 0.0])
    normal = np.cross(across, along)
    fore = np.deg2rad(placement.foreshortening_deg)
    # The plane pivots about the middle of the long axis, so the cut misses apex and base centers alike.
    along, normal = np.cos(fore) * along + np.sin(fore) * normal, np.cos(fore) * normal - np.sin(fore) * along
    axis = along
    rise = np.deg2rad(view.elevation_deg)
    along, normal = np.cos(rise) * along + np.sin(rise) * normal, np.cos(rise) * normal - np.sin(rise) * along
    incline = np.deg2rad(view.incline_deg + placement.tilt_deg)
    depth = np.cos(incline) * along + np.sin(incline) * across
    lateral = np.cos(incline) * across - np.sin(incline) * along
    roll = np.deg2rad(view.roll_deg)
    lateral, normal = np.cos(roll) * lateral + np.sin(roll) * normal, np.cos(roll) * normal - np.sin(roll) * lateral
    if placement.mirrored:
        lateral, normal = -lateral, -normal
    pivot = np.array([0.0, 0.5 * heart.shape.length_mm, 0.0])
    anchor = pivot + (view.anchor_level - 0.5) * heart.shape.length_mm * axis
    if view.target:
        anchor = heart.shape.growth * TARGETS[view.target](heart.grown)
    origin = anchor - placement.anchor_x_mm * lateral - placement.anchor_depth_mm * depth
    return Plane(origin, lateral, depth, normal)
