"""View planes as data, and where one cut lies on the image.

A view plane is spanned by a depth direction (away from the probe) and a lateral one. Image coordinates are
millimeters: ``X`` to the right of the probe's center, ``D`` down from its face, ``E`` out of the plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .heart import Array, Heart


@dataclass(frozen=True)
class View:
    """One standard view.

    ``azimuth_deg`` turns the plane about the LV long axis (0 is A4C); ``incline_deg`` is the angle from the long axis
    to the depth direction (0 apical, 90 parasternal); ``roll_deg`` turns the plane about the depth direction (0 holds
    the long axis; 90, with an incline of 90, is a short axis); ``anchor_level`` is the point on the long axis that is
    placed at ``anchor_x_mm`` and at a depth drawn from ``anchor_depth_mm``; ``right_heart`` says whether the tricuspid
    valve is drawn.
    """

    name: str
    azimuth_deg: float
    incline_deg: float
    anchor_level: float
    anchor_x_mm: float
    anchor_depth_mm: tuple[float, float]
    right_heart: bool
    roll_deg: float = 0.0


VIEWS: dict[str, View] = {
    view.name: view
    for view in (
        View("A4C", 0.0, 0.0, 0.0, 6.0, (9.0, 24.0), True),
        View("A2C", 90.0, 0.0, 0.0, 0.0, (9.0, 24.0), False),
    )
}


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
    incline = np.deg2rad(view.incline_deg + placement.tilt_deg)
    depth = np.cos(incline) * along + np.sin(incline) * across
    lateral = np.cos(incline) * across - np.sin(incline) * along
    roll = np.deg2rad(view.roll_deg)
    lateral, normal = np.cos(roll) * lateral + np.sin(roll) * normal, np.cos(roll) * normal - np.sin(roll) * lateral
    if placement.mirrored:
        lateral, normal = -lateral, -normal
    pivot = np.array([0.0, 0.5 * heart.shape.length_mm, 0.0])
    anchor = pivot + (view.anchor_level - 0.5) * heart.shape.length_mm * along
    origin = anchor - placement.anchor_x_mm * lateral - placement.anchor_depth_mm * depth
    return Plane(origin, lateral, depth, normal)
