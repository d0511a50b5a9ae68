"""The simulated patient of one seed: its clips, drawn when first asked for, in every view that is tried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...analysis.view_structures import VIEW_STRUCTURES
from ...simulation import SimulatedClip, draw_case, simulate_clip
from ...simulation.heart import Tissue
from ...simulation.presets import Case
from ...simulation.vendor_looks import Sampling
from ...simulation.view_planes import VIEWS

MAIN_VIEWS = ("A4C", "A2C", "PLAX")
"""The views that a study is measured in: every patient has a whole clip of each."""

FEWER = 4
"""Structures are looked for in the other views in one patient of this many: where it divides the seed (our choice)."""


@dataclass(frozen=True)
class Acquisition:
    """How clips are drawn: rows, columns, length in beats, and how finely the picture is computed."""

    rows: int
    columns: int
    beats: float
    sampling: Sampling


STANDARD = Acquisition(
    rows=300,
    columns=400,
    beats=1.6,
    sampling=Sampling(depth_samples=480, beams=144, scatterers_per_cell=4.0, slab_mm=3.0),
)
"""Long enough for one whole systole, wherever in the beat a clip begins. The sampling lies between training's single
planes and that of clips which are written; only what is seen in 300 x 400 pixels matters."""

SHORT_FRAMES = 8
"""Frames of the clips in which only the view is asked for: as many as are looked at in any clip."""

SMALLEST_PX = 120
"""A structure counts as shown from this many pixels on (our choice)."""

EFFUSION_MM = 12.0
"""Width of the effusion in hearts that are drawn with one on purpose (our choice: a moderate one)."""


class SimulatedPatient:
    """The patient of ``preset`` and ``seed``; whole clips are kept until the patient is done with."""

    def __init__(self, preset: str, seed: int, acquisition: Acquisition = STANDARD) -> None:
        self.preset, self.seed, self.acquisition = preset, seed, acquisition
        self.case = draw_case(preset, seed)
        self._clips: dict[str, SimulatedClip] = {}

    @property
    def other_views(self) -> tuple[str, ...]:
        """The views beside the main ones in which this patient's structures are looked for too."""
        outlined = (view for view in VIEWS if view in VIEW_STRUCTURES and view not in MAIN_VIEWS)
        return tuple(outlined) if self.seed % FEWER == 0 else ()

    def clip(self, view: str) -> SimulatedClip:
        """The whole clip of a main view."""
        if view not in self._clips:
            self._clips[view] = self._simulate(self.case, view, None)
        return self._clips[view]

    def short(self, view: str) -> SimulatedClip:
        """A few frames of ``view``."""
        return self._simulate(self.case, view, SHORT_FRAMES)

    def still(self, view: str, *, effusion: bool = False) -> SimulatedClip:
        """A single frame of ``view``, with an effusion of `EFFUSION_MM` if wanted."""
        case = draw_case(self.preset, self.seed, effusion_mm=EFFUSION_MM) if effusion else self.case
        return self._simulate(case, view, 1)

    def _simulate(self, case: Case, view: str, most: int | None) -> SimulatedClip:
        how = self.acquisition
        return simulate_clip(
            case, view, rows=how.rows, columns=how.columns, beats=how.beats, sampling=how.sampling, max_frames=most
        )


def key_frames(clip: SimulatedClip) -> list[int]:
    """End-diastole, where the clip shows it, and the frame of least volume."""
    return list(dict.fromkeys((*clip.r_wave_frames()[:1], int(np.argmin(clip.volumes_ml())))))


def known_tissue(name: str) -> Tissue | None:
    """The tissue that a structure is simulated as; None where the simulation has none of this name."""
    return Tissue.__members__.get(name)


def shown(labels: NDArray[np.uint8], name: str) -> NDArray[np.bool_] | None:
    """The true mask ``bool [H, W]`` of a structure; None where it is not simulated or too small to count as shown."""
    tissue = known_tissue(name)
    return None if tissue is None else if_shown(labels == tissue)


def if_shown(mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """A true mask ``bool [H, W]``, or None where it is too small to count as shown."""
    return mask if np.count_nonzero(mask) >= SMALLEST_PX else None
