"""How a machine and an acquisition make a picture: probe, processing and what goes wrong, all as plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """Probe and processing of one machine.

    ``frequency_mhz`` and ``cycles`` set axial resolution; ``lateral_fwhm_deg`` the beam width at focus; ``width_deg``
    the sector; ``dynamic_range_db`` and ``gamma`` the gray curve; ``smoothing`` compounding blur; ``persistence`` the
    weight of the previous frame; ``headroom_db`` how far median myocardium lies below white; ``virtual_apex_mm`` is
    the distance of the beams' common origin behind the probe's face (0 for a phased array).
    """

    name: str
    frequency_mhz: float = 2.8
    cycles: float = 2.4
    lateral_fwhm_deg: float = 1.4
    width_deg: float = 80.0
    dynamic_range_db: float = 60.0
    gamma: float = 1.0
    smoothing: float = 0.6
    persistence: float = 0.25
    headroom_db: float = 20.0
    virtual_apex_mm: float = 0.0


@dataclass(frozen=True)
class Conditions:
    """What the acquisition did to the picture; the presets draw all but ``aberration_db``.

    ``haze`` and ``clutter`` are amplitudes of static fog and near-field reverberation; ``noise_db`` electronic noise
    at the skin; ``shadows`` and ``dropouts`` count dark beams and missing wall segments; ``left_darkness_db`` and
    ``right_darkness_db`` fade the background of their side, ``behind_db`` at most brightens it behind the atria, where
    ``arcs_db`` is the brightness of bands across the beams; ``trabeculation`` (0 to 1) says how much of a border
    without a trabecular layer is covered by strands: 7 to 31 %, ``trabeculae_db`` how far they stand out of blood;
    ``sidelobe`` is the amplitude of lateral clutter; ``liver_db`` is the echo of liver between the probe and the heart,
    None where there is none.

    What real borders look like, nothing by default:
    ``wall_fade_db``: how far the endocardium of the free walls lies below their outside, ``outside_db`` how bright
    that is; ``septum_db``: by how much the core of the septum is brighter, ``septum_fade_db`` its fall towards the
    right ventricle; ``apex_db``: by how much the apex is darker; ``layer_db``: how far the foot of the trabecular layer
    lies below its top, ``veil_db_mm`` (dB/mm) how fast it is lost in blood; ``fibers_db``: the loss of muscle whose
    fibers run along the beam; ``atria_db``: the loss of the walls of the atria, ``floor_fade_db`` that of their floors
    beside it; ``right_fade_db``, ``pericardium_db``, ``papillary_db``: those of the right heart's walls, of the
    pericardium and of papillary muscles;
    ``leaflets``, ``strands``: how strongly valves, and chordae and false tendons, are seen (0 not at all);
    ``near_haze``: amplitude of the haze over the apex, ``near_haze_mm`` its depth; ``cut_left_mm``, ``cut_right_mm``,
    ``cut_top_mm``: where the display cuts the sector off, measured from the middle of the probe's face.
    """

    depth_mm: float = 160.0
    haze: float = 0.3
    clutter: float = 0.6
    noise_db: float = -60.0
    shadows: int = 1
    dropouts: int = 1
    gain_field_db: float = 3.0
    tgc_error_db: float = 2.2
    edge_loss_db: float = 6.0
    aberration_db: float = 1.2
    texture_db: float = 2.2
    background_db: float = -16.0
    background_variation_db: float = 6.0
    left_darkness_db: float = -8.0
    right_darkness_db: float = -8.0
    behind_db: float = 11.0
    arcs_db: float = 0.0
    trabeculation: float = 0.5
    trabeculae_db: float = 26.0
    sidelobe: float = 0.015
    liver_db: float | None = None
    wall_fade_db: float = 0.0
    outside_db: float = 0.0
    septum_db: float = 0.0
    septum_fade_db: float = 0.0
    atria_db: float = 0.0
    apex_db: float = 0.0
    layer_db: float = 0.0
    veil_db_mm: float = 2.0
    fibers_db: float = 0.0
    leaflets: float = 1.0
    strands: float = 1.0
    floor_fade_db: float = 0.0
    right_fade_db: float = 0.0
    pericardium_db: float = 0.0
    papillary_db: float = 0.0
    near_haze: float = 0.0
    near_haze_mm: float = 35.0
    cut_left_mm: float = math.inf
    cut_right_mm: float = math.inf
    cut_top_mm: float = -math.inf


@dataclass(frozen=True)
class Sampling:
    """How finely the picture is computed: polar samples, scatterers per resolution cell, slab half thickness in mm."""

    depth_samples: int = 640
    beams: int = 176
    scatterers_per_cell: float = 5.0
    slab_mm: float = 4.0


FINE = Sampling()
"""For clips that are written and looked at."""

TRAINING = Sampling(depth_samples=320, beams=112, scatterers_per_cell=3.0, slab_mm=0.0)
"""For single training frames: the slab is a plane, every frame its own."""
