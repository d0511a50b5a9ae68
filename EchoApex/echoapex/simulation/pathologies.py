"""Hearts with a named disease, as changes of a drawn heart: for demonstrations and tests.

The sizes are choices of this project, well beyond the normal limits of ASE/EACVI 2015 (walls over 10 mm, LVIDd over 58
mm, EF under 52 %); the stenosis is severe (`aortic_valve`), and has thickened the walls.
"""

from __future__ import annotations

PATHOLOGIES: dict[str, dict[str, float]] = {
    "concentric_hypertrophy": dict(ivsd_mm=15.0, lvpwd_mm=14.0, lvidd_mm=43.0),
    "eccentric_hypertrophy": dict(ivsd_mm=11.5, lvpwd_mm=11.0, lvidd_mm=64.0, ef=0.42),
    "septal_hypertrophy": dict(ivsd_mm=20.0, lvpwd_mm=10.0, lvidd_mm=43.0),
    "dilated": dict(ivsd_mm=8.0, lvpwd_mm=8.0, lvidd_mm=68.0, ef=0.25, la_width_mm=52.0),
    "regional_wall_motion": dict(stunned=1.0, stunned_level=0.3, stunned_azimuth_deg=135.0, ef=0.42),
    "large_left_atrium": dict(la_width_mm=58.0, la_length_mm=66.0),
    "large_right_heart": dict(rv_width_mm=52.0, ra_width_mm=56.0, ra_length_mm=58.0),
    "pericardial_effusion": dict(effusion_mm=16.0),
    "aortic_stenosis": dict(aortic_area_cm2=0.7, cusp_mm=4.5, calcium_db=9.0, ivsd_mm=13.5, lvpwd_mm=13.0),
}
"""What each pathology sets on a `HeartShape` (lengths in mm, ``ef`` as a fraction)."""
