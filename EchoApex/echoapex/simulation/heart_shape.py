"""What one simulated heart is made of: its sizes, and the tissues of its truth label maps."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum


class Tissue(IntEnum):
    """What a point is made of; the values are those of the truth label maps."""

    BACKGROUND = 0
    LV = 1
    LV_MYO = 2
    LA = 3
    RV = 4
    RA = 5
    RV_WALL = 6
    ATRIAL_WALL = 7
    AO = 8
    PERICARDIUM = 9
    AO_WALL = 10
    PERICARDIAL_EFFUSION = 11
    PAPILLARY = 12
    VESSEL = 13
    VESSEL_WALL = 14


CAVITIES = (Tissue.LV, Tissue.LA, Tissue.RV, Tissue.RA, Tissue.AO, Tissue.VESSEL)
WALLS = (Tissue.LV_MYO, Tissue.RV_WALL, Tissue.ATRIAL_WALL, Tissue.AO_WALL, Tissue.VESSEL_WALL, Tissue.PERICARDIUM)


@dataclass(frozen=True)
class HeartShape:
    """What defines one heart; lengths in mm, volumes in mL, ``ef`` as a fraction.

    ``lvidd_mm`` is the cavity diameter at `MITRAL_TIP_LEVEL` in the parasternal plane; ``ellipticity`` the ratio of
    the A2C to the A4C diameter; ``widest``, ``roundness`` and ``base_ratio`` shape the endocardial profile.
    ``stunned`` is the share of its motion that the wall around ``stunned_level`` (0 apex, 1 annulus) and
    ``stunned_azimuth_deg`` has lost: 0 none, 1 akinetic at the center; the rest then moves more, the EF stays.

    A body of revolution by default. ``septal_straightness`` (0 to 0.8) straightens the septum and bows the lateral wall
    out by as much, so that no plane through the long axis changes its widths and no volume changes. The trabecular
    layer inside of the compacted border has these shares of the long axis as its thickness at the apex, at the middle
    of the lateral wall and elsewhere: ``trabecular_apex``, ``trabecular_lateral``, ``trabecular_septum``.
    ``papillary_mm`` is the diameter of papillary muscles that reach from the wall to below the mitral tips (0 for two
    short ones on the wall), ``papillary_azimuth_deg`` turns both towards the lateral wall; ``false_tendons`` counts
    strands across the cavity. ``growth`` is the size of a child's heart against an adult's (1): what is not given
    here, such as the walls of atria, grows with it.

    ``aortic_area_cm2`` is what thick aortic cusps open to, of a child's heart once it is grown; ``cusp_mm`` is their
    thickness, ``calcium_db`` how far they stand out of muscle. With an area of 0 the cusps are thin, and open to the
    walls of the root (`aortic_valve`).

    ``vessels`` says whether the great vessels are there (pulmonary artery, aortic arch, inferior vena cava); views
    that are not of them leave them out.
    """

    lvidd_mm: float = 47.0
    length_mm: float = 84.0
    ivsd_mm: float = 9.0
    lvpwd_mm: float = 9.0
    ef: float = 0.60
    heart_rate: float = 65.0
    ellipticity: float = 0.95
    widest: float = 0.62
    roundness: float = 0.9
    base_ratio: float = 0.74
    shortening: float = 0.14
    bend: float = 0.0
    la_width_mm: float = 42.0
    la_length_mm: float = 48.0
    ra_width_mm: float = 37.0
    ra_length_mm: float = 44.0
    rv_width_mm: float = 33.0
    rv_start: float = 0.26
    root_mm: float = 31.0
    effusion_mm: float = 0.0
    papillary: bool = True
    stunned: float = 0.0
    stunned_level: float = 0.4
    stunned_azimuth_deg: float = 180.0
    septal_straightness: float = 0.0
    trabecular_apex: float = 0.0
    trabecular_lateral: float = 0.0
    trabecular_septum: float = 0.0
    papillary_mm: float = 0.0
    papillary_azimuth_deg: float = 0.0
    false_tendons: int = 0
    growth: float = 1.0
    vessels: bool = False
    aortic_area_cm2: float = 0.0
    cusp_mm: float = 0.0
    calcium_db: float = 0.0

    def grown(self) -> HeartShape:
        """The same heart at an adult's size: every length divided by ``growth``."""
        lengths = {f.name: getattr(self, f.name) / self.growth for f in fields(self) if f.name.endswith("_mm")}
        return replace(self, growth=1.0, **lengths)
