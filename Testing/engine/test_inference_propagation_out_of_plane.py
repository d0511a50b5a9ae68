"""What leaves the picture when the probe is moved is reported absent; simulated hearts tell where it truly is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from model_cases import shipped_model

from echoapex.cine import BoolMask, Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from echoapex.evaluation.bootstrap_scores import dice
from echoapex.evaluation.trials.structure_masks import drawn_box
from echoapex.inference.propagation import carry_masks
from echoapex.models.model_loading import LoadedModel
from echoapex.prompts import Prompt
from echoapex.session import Session
from echoapex.simulation import draw_case
from echoapex.simulation.heart import Tissue
from echoapex.simulation.presets import draw_placement
from echoapex.simulation.ultrasound_imaging import Canvas, Imager
from echoapex.simulation.vendor_looks import TRAINING
from echoapex.simulation.view_planes import cut
from echoapex.structures import PROMPTED

SAMPLING = replace(TRAINING, slab_mm=55.0)
"""With scatterers in all the planes that the probe passes."""

HEADROOM_DB = 12.0
"""Gain is set by the muscle of the whole slab, most of which no plane shows: this much darker, pictures look usual."""

FRAME_TIME_S = 0.033
HELD, MOVING = 5, 30
"""Frames before and after the probe moves, and while it does."""


@dataclass(frozen=True)
class Sweep:
    """A heart seen in ``view`` while the probe moves: ``field`` of the view goes from ``start`` to ``end``."""

    seed: int
    view: str
    tissue: Tissue
    field: str
    start: float
    end: float


SWEEPS = {
    "ventricle, probe slides past the apex": Sweep(900_202, "PSAX_PM", Tissue.LV, "anchor_level", 0.46, -0.2),
    "left atrium, probe tilts back": Sweep(900_103, "A4C", Tissue.LA, "elevation_deg", 0.0, -28.0),
    "aortic root, probe tilts back": Sweep(900_201, "A5C", Tissue.AO, "elevation_deg", 12.0, -25.0),
}


@dataclass(frozen=True)
class Leaving:
    """The cine of a sweep, and the true ``masks [T, H, W]`` of its structure."""

    cine: Cine
    masks: BoolMask

    @property
    def gone(self) -> BoolMask:
        """``[T]``: frames without it, but for a fiftieth of what the first one shows."""
        return self._areas <= 0.02

    @property
    def shown(self) -> list[int]:
        """Frames after the first that show at least half as much of it as that."""
        return [int(frame) for frame in np.flatnonzero(self._areas >= 0.5) if frame]

    @property
    def _areas(self) -> np.ndarray:
        areas = self.masks.sum(axis=(1, 2))
        return np.asarray(areas / areas[0])


def filmed(sweep: Sweep, rows: int = 240, columns: int = 320) -> Leaving:
    case = draw_case("hard-1", sweep.seed)
    usual, conditions = draw_placement(case, sweep.view)
    heart, look = case.heart(), replace(case.look, headroom_db=case.look.headroom_db + HEADROOM_DB)
    way = np.pad((1 - np.cos(np.linspace(0, np.pi, MOVING))) / 2, HELD, mode="edge")
    placements = [
        replace(usual, view=replace(usual.view, **{sweep.field: sweep.start + part * (sweep.end - sweep.start)}))
        for part in way
    ]
    # The slab of scatterers lies about the middle of the way.
    middle = placements[len(placements) // 2]
    imager = Imager(heart, middle, look, conditions, seed=sweep.seed, sampling=SAMPLING)
    canvas = Canvas.fit(rows, columns, look, conditions.depth_mm, top=0.04)
    frames, masks = [], []
    for index, placement in enumerate(placements):
        imager.plane = cut(heart, placement)
        phase = index * FRAME_TIME_S * case.shape.heart_rate / 60
        frames.append(imager.picture(phase, canvas))
        masks.append(imager.labels(phase, canvas) == sweep.tissue)
    times = FrameTimes(np.arange(len(frames)) * FRAME_TIME_S, TimeSource.FRAME_TIME)
    scale = Scale((canvas.mm_per_px, canvas.mm_per_px), ScaleSource.DICOM_REGION)
    cine = Cine(np.stack(frames), times, scale, Sector.from_mask(imager.in_sector(canvas), "region"))
    return Leaving(cine, np.stack(masks))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return shipped_model(tmp_path_factory.mktemp("no-models"))


@pytest.fixture(scope="module", params=list(SWEEPS))
def leaving(request: pytest.FixtureRequest) -> Leaving:
    return filmed(SWEEPS[request.param])


@pytest.fixture(scope="module")
def found(leaving: Leaving, model: LoadedModel) -> BoolMask:
    """What a box on the first frame outlines without a name, propagated: ``masks [T, H, W]``."""
    session = Session(model, leaving.cine)
    session.segment(0, Prompt(box=drawn_box(leaving.masks[0], np.random.default_rng(1))))
    session.propagate()
    return session.masks(PROMPTED)


def test_while_it_shows_it_is_followed(leaving: Leaving, found: BoolMask) -> None:
    assert len(leaving.shown) >= 8
    assert np.mean([dice(found[frame], leaving.masks[frame]) for frame in leaving.shown]) > 0.85


def test_over_the_whole_cine_it_is_better_than_the_first_mask_on_each_frame(leaving: Leaving, found: BoolMask) -> None:
    followed, unmoved = (
        np.mean([dice(one, truth) for one, truth in zip(masks, leaving.masks)])
        for masks in (found, np.broadcast_to(found[0], found.shape))
    )
    assert followed > unmoved + 0.1


def test_what_the_probe_has_left_is_reported_absent(leaving: Leaving, found: BoolMask) -> None:
    assert leaving.gone.sum() >= 12 and leaving.gone[-5:].all()
    absent = ~found.any(axis=(1, 2))
    assert not absent[leaving.shown].any()
    assert absent[leaving.gone].mean() > 0.75 and absent[-5:].all()


def test_a_structure_that_comes_into_the_picture_is_followed_back(leaving: Leaving) -> None:
    """The same cine the other way round, outlined where it ends."""
    last = len(leaving.masks) - 1
    back = replace(leaving.cine, frames=leaving.cine.frames[::-1])
    carried = carry_masks(back, {last: leaving.masks[0]})
    np.testing.assert_array_equal(carried.masks[::-1], carry_masks(leaving.cine, {0: leaving.masks[0]}).masks)
    assert not carried.masks[:5].any()
