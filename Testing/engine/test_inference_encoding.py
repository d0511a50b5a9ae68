"""A cine encoded once: the same features as from the network itself, within a bound of memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cases import noise, untrained

from echoapex.cine import Cine, FrameTimes, Scale, Sector
from echoapex.errors import EchoApexError, ModelError
from echoapex.inference.encoding import FRAMES_PER_BATCH, EncodedCine, batches, encoded
from echoapex.inference.landmark_detection import find_landmarks
from echoapex.inference.segmentation import segment_frame, segment_structures
from echoapex.inference.view_classification import classify_view
from echoapex.models.image_encoder import Features
from echoapex.prompts import Prompt

FRAME_BYTES = 2 * (256 * 4 * 4 + 192 + 24 * 32 * 32 + 48 * 16 * 16 + 96 * 8 * 8)
"""Features of one frame of the model for tests in half precision."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The number of frames in each call of the encoder."""
    counted: list[int] = []
    encode = untrained().model.encode

    def counting(images: torch.Tensor) -> Features:
        counted.append(len(images))
        return encode(images)

    monkeypatch.setattr(untrained().model, "encode", counting)
    yield counted


def direct(frames: list[int]) -> Features:
    model, cine = untrained(), noise()
    with torch.inference_mode():
        return model.model.encode(model.card.preprocessing.cine_geometry(cine).prepare(cine.frames[frames]))


def tensors(features: Features) -> list[torch.Tensor]:
    return [features.embedding, features.cls, *features.fine]


@pytest.mark.parametrize("frames", [[0], [3, 1, 2], [5, 5, 5], list(range(20)), [19, 0, 19]])
def test_features_are_those_of_the_network(frames: list[int]) -> None:
    for found, expected in zip(tensors(EncodedCine(untrained(), noise()).features(frames)), tensors(direct(frames))):
        assert found.dtype == torch.float32 and found.shape == expected.shape
        torch.testing.assert_close(found, expected, atol=2e-3 * float(expected.abs().max()), rtol=1e-3)


def test_a_frame_asked_for_again_is_the_same_and_costs_nothing(calls: list[int]) -> None:
    seen = EncodedCine(untrained(), noise())
    first = seen.features([4, 7])
    again = seen.features([7, 4])
    assert calls == [2]
    for one, other in zip(tensors(first), tensors(again)):
        assert torch.equal(one, other.flip(0))


@pytest.mark.parametrize("largest", [1.0, 1e6])
def test_what_was_given_may_be_changed_without_harm(monkeypatch: pytest.MonkeyPatch, largest: float) -> None:
    """Whether it is kept in half precision or, being too large for that, as it is."""
    encode = untrained().model.encode
    monkeypatch.setattr(untrained().model, "encode", lambda images: Features(*_times(encode(images), largest)))
    seen = EncodedCine(untrained(), noise())
    before = [value.clone() for value in tensors(seen.features([4]))]
    for value in tensors(seen.features([4])):
        value.zero_()
    assert all(torch.equal(value, kept) for value, kept in zip(tensors(seen.features([4])), before))


def _times(features: Features, factor: float) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, ...]]:
    return features.embedding * factor, features.cls * factor, tuple(level * factor for level in features.fine)


def test_frames_are_encoded_in_batches(calls: list[int]) -> None:
    seen = EncodedCine(untrained(), noise())
    seen.features([2, 9])
    seen.features(range(20))
    assert calls == [2, 8, 8, 2]


def test_everything_asked_about_a_cine_encodes_each_frame_once(calls: list[int]) -> None:
    model = untrained()
    seen = EncodedCine(model, noise())
    classify_view(model, seen)
    segment_structures(model, seen, model.card.structures, steady=True)
    find_landmarks(model, seen)
    assert sum(calls) == noise().frame_count


def test_what_is_asked_of_an_encoded_cine_is_what_is_asked_of_the_cine() -> None:
    model, cine = untrained(), noise()
    seen = EncodedCine(model, cine)
    seen.features([13, 2])
    plain, shared = (segment_structures(model, clip, ["LA", "LV"]) for clip in (cine, seen))
    for name in ("LA", "LV"):
        assert np.mean(plain[name].masks != shared[name].masks) < 1e-3
        np.testing.assert_allclose(plain[name].confidence, shared[name].confidence, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 5), st.lists(st.lists(st.integers(0, 19), min_size=1, max_size=3), min_size=1, max_size=4))
def test_the_memory_stays_within_its_bound(room: int, asked: list[list[int]]) -> None:
    """The least recently used go first, which a list of what was asked for tells."""
    seen = EncodedCine(untrained(), noise(), cache_bytes=room * FRAME_BYTES + FRAME_BYTES // 2)
    recent: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        encoded_frames: list[int] = []
        prepare = type(seen.geometry).prepare
        patch.setattr(type(seen.geometry), "prepare", lambda g, f: (encoded_frames.append(len(f)), prepare(g, f))[1])
        for frames in asked:
            before = sum(encoded_frames)
            missing = {frame for frame in frames if frame not in recent}
            seen.features(frames)
            assert sum(encoded_frames) - before == len(missing)
            news = [f for f in dict.fromkeys(frames) if f not in missing] + [
                f for f in dict.fromkeys(frames) if f in missing
            ]
            recent = [f for f in recent if f not in frames] + news
            recent = recent[max(0, len(recent) - room) :]


def test_values_too_large_for_half_precision_are_kept_whole() -> None:
    model = untrained()
    with pytest.MonkeyPatch.context() as patch:
        encode = model.model.encode
        patch.setattr(
            model.model, "encode", lambda images: encode(images)._replace(cls=torch.full((len(images), 3), 1e6))
        )
        seen = EncodedCine(model, noise(), cache_bytes=4 * FRAME_BYTES)
        assert float(seen.features([0, 1]).cls.max()) == 1e6
        assert float(seen.features([1]).cls.max()) == 1e6


@pytest.mark.parametrize("frames", [[], [20], [-1], [0, 1, 99]])
def test_frames_that_are_not_there_are_refused(frames: list[int]) -> None:
    with pytest.raises(EchoApexError, match="must be 0 to 19"):
        EncodedCine(untrained(), noise()).features(frames)


def test_a_cine_encoded_by_another_model_is_refused() -> None:
    model = untrained()
    other = replace(model, card=replace(model.card, id="another"))
    seen = EncodedCine(other, noise())
    assert encoded(other, seen) is seen
    for ask in (
        lambda: segment_structures(model, seen, ["LV"]),
        lambda: segment_frame(model, seen, 0, []),
        lambda: find_landmarks(model, seen),
        lambda: classify_view(model, seen),
    ):
        with pytest.raises(ModelError, match=r"tiny-test \(found: another\)"):
            ask()


@given(st.integers(0, 1000))
def test_batches_cover_every_frame_once(count: int) -> None:
    parts = list(batches(count))
    assert [frame for part in parts for frame in part] == list(range(count))
    assert all(1 <= len(part) <= FRAMES_PER_BATCH for part in parts)


def test_a_clip_on_its_head_is_seen_turned_and_answered_in_its_own_pixels() -> None:
    y, x = np.mgrid[:120, :160]
    fan = (np.hypot(x - 80, y - 5) < 105) & (np.abs(x - 80) < 0.9 * (y - 5))
    frames = np.random.default_rng(4).integers(0, 255, (3, 120, 160), np.uint8)
    times, scale = FrameTimes.unknown("test"), Scale.none("test")
    upright = Cine(frames, times, scale, Sector.from_mask(fan, "motion"))
    on_its_head = Cine(frames[:, ::-1].copy(), times, scale, Sector.from_mask(fan[::-1].copy(), "motion"))
    model = untrained()
    first, second = (EncodedCine(model, cine) for cine in (upright, on_its_head))
    assert torch.equal(first.features([0, 1, 2]).embedding, second.features([0, 1, 2]).embedding)
    points = [find_landmarks(model, seen) for seen in (first, second)]
    np.testing.assert_allclose(points[1].points[..., 0], points[0].points[..., 0], atol=1e-6)
    np.testing.assert_allclose(points[1].points[..., 1], 119 - points[0].points[..., 1], atol=1e-6)
    crossed = np.array([[1.0, -1.0], [-1.0, 1.0]])
    np.testing.assert_allclose(points[1].covariances(), crossed * points[0].covariances(), atol=1e-6)
    boxes = (50, 40, 110, 90), (50, 119 - 90, 110, 119 - 40)
    masks = [
        segment_frame(model, seen, 0, [Prompt(box=box)]).masks[0]
        for seen, box in zip((first, second), boxes, strict=True)
    ]
    assert masks[0].any() and np.array_equal(masks[1], masks[0][::-1])
