"""Masks carried with the motion of the picture: exact motion, simulated hearts, what has gone, and hostile input."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from echoapex.cine import BoolMask, Cine, FrameTimes, ImageStack, Scale, Sector
from echoapex.errors import PromptError
from echoapex.evaluation.bootstrap_scores import dice
from echoapex.inference.mask_pieces import main_pieces
from echoapex.inference.propagation import LOST, carry_masks
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.vendor_looks import TRAINING

STEP = (3.0, -1.5)
"""How far the picture of `drifting` moves from frame to frame, in pixels (x, y)."""


def cine_of(frames: ImageStack) -> Cine:
    sector = Sector.whole_frame(*frames.shape[1:])
    return Cine(frames, FrameTimes.unknown("a test"), Scale.none("a test"), sector)


@pytest.fixture(scope="module")
def drifting() -> tuple[Cine, np.ndarray]:
    """A texture that moves evenly, and a disk that moves along: its masks ``[T, H, W]``."""
    noise = np.random.default_rng(2).random((260, 320))
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    frames, masks = [], []
    rows, columns = np.mgrid[:200, :240]
    for index in range(12):
        shift = np.float32([[1, 0, index * STEP[0] - 40], [0, 1, index * STEP[1] - 20]])
        frames.append(cv2.warpAffine(texture, shift, (240, 200), borderMode=cv2.BORDER_REFLECT))
        masks.append(np.hypot(columns - 90 - index * STEP[0], rows - 110 - index * STEP[1]) < 30)
    return cine_of(np.stack(frames)), np.stack(masks)


def test_a_mask_goes_where_the_picture_goes(drifting: tuple[Cine, np.ndarray]) -> None:
    cine, truth = drifting
    for start in (0, 5, 11):
        carried = carry_masks(cine, {start: truth[start]})
        assert min(dice(one, other) for one, other in zip(carried.masks, truth)) > 0.97
        assert carried.confidence[start] == 1 and carried.confidence.min() > 0.9


@pytest.fixture(scope="module", params=["A4C", "PLAX"])
def effusion(request: pytest.FixtureRequest) -> tuple[SimulatedClip, np.ndarray]:
    """A heart with an effusion, and its largest pocket in each frame."""
    case = draw_case("hard-1", 900_103, effusion_mm=12.0)
    clip = simulate_clip(case, request.param, rows=300, columns=400, beats=1.1, sampling=TRAINING)
    truth = [clip.labels(frame) == Tissue.PERICARDIAL_EFFUSION for frame in range(clip.frames.shape[0])]
    return clip, np.stack([main_pieces(mask) for mask in truth])


def mean_dice(masks: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([dice(one, other) for one, other in zip(masks, truth, strict=True)]))


def test_an_effusion_is_followed_over_the_beat(effusion: tuple[SimulatedClip, np.ndarray]) -> None:
    clip, truth = effusion
    carried = carry_masks(clip.cine(), {0: truth[0]})
    followed = mean_dice(carried.masks, truth)
    assert followed > 0.94
    unmoved = mean_dice(np.broadcast_to(truth[0], truth.shape), truth)
    assert 1 - followed < 0.75 * (1 - unmoved)
    assert not np.any(carried.masks[1:] & ~clip.cine().sector.mask)


def test_what_lies_between_two_given_masks_has_of_both(effusion: tuple[SimulatedClip, np.ndarray]) -> None:
    clip, truth = effusion
    last = len(truth) - 1
    one = carry_masks(clip.cine(), {0: truth[0]})
    both = carry_masks(clip.cine(), {0: truth[0], last: truth[last]})
    assert mean_dice(both.masks, truth) > mean_dice(one.masks, truth)
    np.testing.assert_array_equal(both.masks[[0, last]], truth[[0, last]])
    assert both.confidence[last] == 1 > both.confidence[1]


@pytest.mark.parametrize("gone", ["air", "black"])
def test_what_has_left_the_picture_is_not_there(effusion: tuple[SimulatedClip, np.ndarray], gone: str) -> None:
    clip, truth = effusion
    cine, shape = clip.cine(), (5, *truth.shape[1:])
    rest = np.random.default_rng(3).integers(0, 25, shape) if gone == "air" else np.zeros(shape)
    cut = replace(
        cine, frames=np.concatenate([cine.frames[:5], rest.astype(np.uint8)]), times=FrameTimes.unknown("a test")
    )
    carried = carry_masks(cut, {0: truth[0]})
    assert carried.masks[:5].any(axis=(1, 2)).all() and np.all(carried.confidence[:5] > 0.7)
    assert not carried.masks[5:].any() and np.all(carried.confidence[5:] < LOST)


def test_gain_changes_nothing(effusion: tuple[SimulatedClip, np.ndarray]) -> None:
    clip, truth = effusion
    cine = clip.cine()
    darker = replace(cine, frames=np.concatenate([cine.frames[:4], (cine.frames[4:] * 0.5).astype(np.uint8)]))
    assert mean_dice(carry_masks(darker, {0: truth[0]}).masks, truth) > 0.9


def test_only_the_frames_that_are_wanted(drifting: tuple[Cine, np.ndarray]) -> None:
    cine, truth = drifting
    every = carry_masks(cine, {2: truth[2], 8: truth[8]})
    some = carry_masks(cine, {2: truth[2], 8: truth[8]}, [1, 4, 8])
    for frame in range(12):
        if frame in (1, 4, 8):
            np.testing.assert_array_equal(some.masks[frame], every.masks[frame])
            assert some.confidence[frame] == pytest.approx(every.confidence[frame])
        else:
            assert not some.masks[frame].any() and some.confidence[frame] == 0


def test_an_empty_mask_stays_empty(drifting: tuple[Cine, np.ndarray]) -> None:
    cine, truth = drifting
    assert not carry_masks(cine, {3: np.zeros_like(truth[0])}).masks.any()


@pytest.mark.parametrize(
    ("masks", "frames", "words"),
    [
        ({}, None, "a mask to carry"),
        ({12: np.ones((200, 240), bool)}, None, "0 to 11"),
        ({0: np.ones((200, 240), bool)}, [-1], "0 to 11"),
        ({0: np.ones((20, 24), bool)}, None, "size of the frame"),
    ],
)
def test_what_cannot_be_carried_is_refused(
    drifting: tuple[Cine, np.ndarray], masks: dict[int, BoolMask], frames: list[int] | None, words: str
) -> None:
    with pytest.raises(PromptError, match=words):
        carry_masks(drifting[0], masks, frames)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_picture_of_any_size_gives_masks_in_the_sector(data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 90), "rows"), data.draw(st.integers(1, 90), "columns")
    rng = np.random.default_rng(data.draw(st.integers(0, 1000), "seed"))
    frames = rng.integers(0, 256, (3, rows, columns)).astype(np.uint8)
    inside = rng.random((rows, columns)) < 0.9
    inside[0, 0] = True
    cine = replace(cine_of(frames), sector=Sector.from_mask(inside, "a test"))
    carried = carry_masks(cine, {1: rng.random((rows, columns)) < 0.5})
    assert not np.any(carried.masks[[0, 2]] & ~inside)
    assert np.all((carried.confidence >= 0) & (carried.confidence <= 1 + 1e-6))
