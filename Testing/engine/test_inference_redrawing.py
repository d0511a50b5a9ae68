"""Carried masks outlined again: which of the model's borders count, and what that does on a simulated heart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from model_cases import shipped_model

from echoapex.cine import BoolMask, Cine
from echoapex.evaluation.bootstrap_scores import dice
from echoapex.inference.carrying import DRAWN, carry
from echoapex.inference.cine_segmentation import segment_by_name, segment_cine
from echoapex.inference.encoding import EncodedCine
from echoapex.inference.propagation import carry_masks, single_frames
from echoapex.inference.redrawing import REACH, outlined_from, redrawn
from echoapex.inference.segmentation import segment_frame, segment_structures
from echoapex.models.model_loading import LoadedModel
from echoapex.prompts import Prompt
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.vendor_looks import TRAINING


def disk(radius: float, x: float = 60.0, y: float = 60.0) -> BoolMask:
    rows, columns = np.mgrid[:160, :160]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def radius(mask: BoolMask) -> float:
    return float(np.sqrt(mask.sum() / np.pi))


def one(carried: BoolMask, beside: BoolMask, again: BoolMask, *, kept: float = 1.0, seen_well: float = 1.0) -> BoolMask:
    """`redrawn` of a single frame."""
    return redrawn([3], carried[None], beside[None], again[None], np.array([kept]), seen_well, 1)[0][0]


def test_the_border_is_the_models_at_the_distance_at_which_it_was_given() -> None:
    small, large = disk(20), disk(24)
    assert radius(one(small, small, large)) == pytest.approx(24, abs=0.3)
    # Drawn two pixels inside of what the model would have outlined there.
    assert radius(one(small, disk(22), large)) == pytest.approx(22, abs=0.5)
    assert radius(one(small, disk(22), large, kept=0.0)) == pytest.approx(24, abs=0.3)
    assert np.array_equal(one(small, small, large, seen_well=0.0), small)


def test_what_lies_far_beyond_the_carried_mask_has_leaked() -> None:
    carried = disk(24)
    leaked = carried | disk(14, y=94.0)
    assert dice(leaked, carried) > 0.75, "so that the frame counts"
    found = one(carried, carried, leaked)
    reach = REACH * np.sqrt(carried.sum())
    assert not np.any(found & ~disk(24 + reach + 1)) and np.any(leaked & ~disk(24 + reach + 1))
    assert not np.any(carried & ~found)


def test_a_mask_that_has_jumped_to_another_side_does_not_count() -> None:
    carried = disk(20)
    assert np.array_equal(one(carried, carried, disk(20, x=100.0)), carried)
    assert np.array_equal(one(carried, carried, np.zeros_like(carried)), carried)


def test_the_models_border_does_not_jump_in_single_frames() -> None:
    carried = np.stack([disk(20)] * 5)
    again = np.stack([disk(r) for r in (21, 21, 25, 21, 21)])
    found, believed = redrawn(range(5), carried, carried, again, np.ones(5), 1.0, 1)
    assert [radius(mask) for mask in found] == pytest.approx([21] * 5, abs=0.3) and np.all(believed == 1)


def test_where_nothing_was_carried_there_is_nothing() -> None:
    nothing = np.zeros((2, 40, 40), bool)
    found, believed = redrawn([0, 1], nothing, nothing, nothing, np.ones(2), 1.0, 1)
    assert not found.any() and not believed.any()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return shipped_model(tmp_path_factory.mktemp("no-models"))


@pytest.fixture(scope="module")
def clip() -> SimulatedClip:
    return simulate_clip(draw_case("hard", 900_402), "A4C", rows=240, columns=320, beats=1.0, sampling=TRAINING)


@pytest.fixture(scope="module")
def ventricle(clip: SimulatedClip) -> BoolMask:
    return np.stack([clip.labels(frame) == Tissue.LV for frame in range(len(clip.frames))])


@pytest.fixture(scope="module")
def seen(model: LoadedModel, clip: SimulatedClip) -> EncodedCine:
    return EncodedCine(model, clip.cine())


def swing(masks: BoolMask) -> float:
    """Largest less smallest area."""
    areas = masks.sum(axis=(1, 2))
    return float(areas.max() - areas.min())


def hidden(clip: SimulatedClip, frames: range) -> Cine:
    """The clip with noise in place of some frames."""

    cine = clip.cine()
    pixels = cine.frames.copy()
    pixels[frames.start : frames.stop] = np.random.default_rng(0).integers(0, 90, pixels[: len(frames)].shape)
    return replace(cine, frames=pixels)


def test_the_motion_of_the_wall_that_flow_loses_is_kept(seen: EncodedCine, ventricle: BoolMask) -> None:
    flow = carry_masks(seen.cine, {0: ventricle[0]}).masks
    others = range(1, len(ventricle))
    for name in (None, "LV"):
        found = carry(seen, {0: ventricle[0]}, others, {0: DRAWN}, name)
        masks = np.concatenate([ventricle[:1], found.masks])
        lost = [abs(swing(some) - swing(ventricle)) for some in (flow, masks)]
        assert lost[1] < 0.6 * lost[0]
        reached = [np.mean([dice(a, b) for a, b in zip(some, ventricle)]) for some in (flow, masks)]
        assert reached[1] > 0.96 and reached[1] > reached[0]


def test_the_given_frame_stays_and_what_is_not_wanted_is_not_looked_at(seen: EncodedCine, ventricle: BoolMask) -> None:
    prompt = Prompt(mask=ventricle[4])
    everywhere = segment_cine(seen.model, seen, prompt, 4)
    assert np.array_equal(everywhere.masks[4], segment_frame(seen.model, seen, 4, [prompt]).masks[0])
    assert everywhere.masks.shape == ventricle.shape and everywhere.masks.any(axis=(1, 2)).all()
    steps: list[tuple[int, int]] = []
    found = carry(seen, {4: ventricle[4]}, [6, 7], {4: DRAWN}, progress=lambda done, total: steps.append((done, total)))
    assert found.masks.shape[0] == 2 and min(dice(found.masks[k], ventricle[6 + k]) for k in (0, 1)) > 0.9
    assert steps[-1][0] == steps[-1][1] and [done for done, _ in steps] == list(range(1, len(steps) + 1))
    assert not len(carry(seen, {4: ventricle[4]}, [], {4: DRAWN}).masks)


def test_a_mask_beside_the_sector_asks_for_nothing(seen: EncodedCine) -> None:
    corner = np.zeros((seen.cine.rows, seen.cine.columns), bool)
    corner[:6, :6] = True
    assert not np.any(corner & seen.cine.sector.mask)
    found = outlined_from(seen, 0, corner)
    assert not found.masks.any() and found.confidence[0] == 0
    assert not carry(seen, {0: corner}, [1, 2], {0: DRAWN}).masks.any()


def test_a_chamber_that_hides_in_single_frames_is_carried_through_them(
    model: LoadedModel, clip: SimulatedClip, ventricle: BoolMask
) -> None:
    frames = range(9, 12)
    cine = hidden(clip, frames)
    assert len(frames) <= single_frames(cine)
    found = carry(EncodedCine(model, cine), {0: ventricle[0]}, range(1, len(ventricle)), {0: DRAWN})
    reached = np.array([dice(mask, truth) for mask, truth in zip(found.masks, ventricle[1:])])
    assert reached[8:11].min() > 0.8 and reached[11:].mean() > 0.93
    assert found.confidence[8:11].max() < found.confidence[11:].mean()


def test_a_chamber_found_by_name_does_not_vanish_in_single_frames(
    model: LoadedModel, clip: SimulatedClip, ventricle: BoolMask
) -> None:
    frames = range(9, 13)
    seen = EncodedCine(model, hidden(clip, frames))
    alone = segment_structures(model, seen, ["LV", "LA"], steady=True)
    found = segment_by_name(model, seen, ["LV", "LA"])
    before, after = (
        np.mean([dice(masks["LV"].masks[frame], ventricle[frame]) for frame in frames]) for masks in (alone, found)
    )
    assert before < 0.7 and after > 0.85
    rest = np.delete(np.arange(len(ventricle)), frames)
    assert np.array_equal(found["LV"].masks[rest], alone["LV"].masks[rest])
    assert not np.any(found["LV"].masks & found["LA"].masks)
