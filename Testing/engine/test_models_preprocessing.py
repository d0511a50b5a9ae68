"""The way from a frame to the model and back: points, images, masks and logits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from echoapex.cine import Cine, Flip, FrameTimes, Scale, ScaleSource, Sector
from echoapex.errors import ModelError, PromptError
from echoapex.models.preprocessing import FrameGeometry, Preprocessing
from echoapex.models.prompt_coordinates import prompt_batch
from echoapex.models.prompt_segmenter import MASK_PROMPT_LIMIT, PromptSegmenter, create_segmenter
from echoapex.prompts import PointPrompt, Prompt

NO_SCALE = Scale.none("test")


def boxed(rows: int, columns: int, box: tuple[int, int, int, int]) -> Sector:
    mask = np.zeros((rows, columns), bool)
    mask[box[1] : box[3] + 1, box[0] : box[2] + 1] = True
    return Sector.from_mask(mask, "region")


def scaled(y: float, x: float) -> Scale:
    return Scale((y, x), ScaleSource.USER)


def disc(rows: int, columns: int, center: tuple[float, float], radii: tuple[float, float]) -> NDArray[np.bool_]:
    y, x = np.mgrid[:rows, :columns]
    return ((x - center[0]) / radii[0]) ** 2 + ((y - center[1]) / radii[1]) ** 2 <= 1.0


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@st.composite
def geometries(draw: st.DrawFn) -> FrameGeometry:
    rows, columns = draw(st.integers(2, 700)), draw(st.integers(2, 900))
    x0, y0 = draw(st.integers(0, columns - 2)), draw(st.integers(0, rows - 2))
    box = (x0, y0, draw(st.integers(x0, columns - 1)), draw(st.integers(y0, rows - 1)))
    scale = draw(st.sampled_from([NO_SCALE, scaled(0.3, 0.3), scaled(0.62, 0.35), scaled(0.2, 0.41)]))
    return Preprocessing(draw(st.sampled_from([96, 112, 160, 192]))).geometry(boxed(rows, columns, box), scale)


@settings(max_examples=150, deadline=None)
@given(geometries(), st.lists(st.tuples(*[st.floats(-100, 1000)] * 2), min_size=1, max_size=5))
def test_points_come_back(geometry: FrameGeometry, points: list[tuple[float, float]]) -> None:
    np.testing.assert_allclose(geometry.to_frame(geometry.to_model(points)), points, atol=1e-6)


@settings(max_examples=100, deadline=None)
@given(geometries())
def test_the_box_fills_the_input_and_is_centered(geometry: FrameGeometry) -> None:
    x0, y0, x1, y1 = geometry.sector.box
    side = geometry.preprocessing.image_size
    low, high = geometry.to_model([(x0 - 0.5, y0 - 0.5), (x1 + 0.5, y1 + 0.5)])
    assert np.all(low >= -0.5 - 1e-9)
    assert np.all(high <= side - 0.5 + 1e-9)
    assert max(high - low) == pytest.approx(side)
    # An odd remainder cannot be split evenly: half a pixel either way.
    assert np.all(np.abs(low + high - (side - 1)) <= 1.0 + 1e-9)


def test_pixel_centers_of_a_known_case() -> None:
    geometry = Preprocessing(80).geometry(boxed(100, 100, (10, 20, 49, 59)), NO_SCALE)
    np.testing.assert_allclose(geometry.to_model([(10, 20), (49, 59)]), [(0.5, 0.5), (78.5, 78.5)])


def test_proportions_of_the_body_are_kept() -> None:
    """A circle of the body is one in the model input, whatever the pixels."""
    geometry = Preprocessing(160).geometry(Sector.whole_frame(300, 200), scaled(0.2, 0.5))
    x, y = (geometry.to_model([(100, 100), (140, 100), (100, 200)]) - geometry.to_model((100, 100)))[1:]
    assert np.hypot(*x) == pytest.approx(np.hypot(*y), rel=0.01)


def test_a_scale_that_is_the_same_both_ways_equals_none() -> None:
    sector = boxed(211, 307, (13, 7, 288, 200))
    sizes = {Preprocessing(160).geometry(sector, scale).size for scale in (NO_SCALE, scaled(0.4, 0.4))}
    assert sizes == {(112, 160)}


def test_nothing_outside_the_sector_is_seen() -> None:
    sector = Sector.from_mask(disc(120, 150, (80, 60), (50, 40)), "motion")
    geometry = Preprocessing(96).geometry(sector, NO_SCALE)
    frames = np.random.default_rng(0).integers(0, 256, (2, 120, 150), dtype=np.uint8)
    other = np.where(sector.mask, frames, 255 - frames)
    assert torch.equal(geometry.prepare(frames), geometry.prepare(other))


def test_gray_values_are_normalized() -> None:
    preprocessing = Preprocessing(96, mean=0.25, std=0.5)
    geometry = preprocessing.geometry(Sector.whole_frame(50, 100), NO_SCALE)
    images = geometry.prepare(np.full((3, 50, 100), 51, np.uint8))
    assert images.shape == (3, 1, 96, 96)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images[:, 0, 24:72], torch.full((3, 48, 96), (51 / 255 - 0.25) / 0.5))
    torch.testing.assert_close(images[:, 0, :24], torch.full((3, 24, 96), -0.5))


def test_frames_are_prepared_the_same_alone_and_together() -> None:
    geometry = Preprocessing(96).geometry(boxed(131, 97, (3, 5, 90, 120)), NO_SCALE)
    frames = np.random.default_rng(1).integers(0, 256, (4, 131, 97), dtype=np.uint8)
    together = geometry.prepare(frames)
    assert all(torch.equal(geometry.prepare(frames[t : t + 1])[0], together[t]) for t in range(4))


def test_a_point_marks_what_lies_under_it() -> None:
    """The brightest spot of the input is where `to_model` says the bright pixels of the frame are."""
    geometry = Preprocessing(160).geometry(boxed(251, 333, (17, 9, 300, 241)), scaled(0.5, 0.3))
    frame = np.zeros((1, 251, 333), np.uint8)
    frame[0, 100:107, 200:209] = 255
    image = geometry.prepare(frame)[0, 0].double().numpy()
    weights = image - image.min()
    y, x = np.mgrid[:160, :160]
    center = np.array([(weights * x).sum(), (weights * y).sum()]) / weights.sum()
    np.testing.assert_allclose(center, geometry.to_model((204, 103)), atol=0.05)


@pytest.mark.parametrize(
    ("shape", "scale"),
    [((331, 447), NO_SCALE), ((600, 801), scaled(0.31, 0.31)), ((203, 467), scaled(0.6, 0.3)), ((113, 111), NO_SCALE)],
)
@pytest.mark.parametrize("side", [112, 160, 192])
def test_a_mask_comes_back(shape: tuple[int, int], scale: Scale, side: int) -> None:
    rows, columns = shape
    sector = boxed(rows, columns, (5, 3, columns - 8, rows - 2))
    geometry = Preprocessing(side).geometry(sector, scale)
    truth = disc(rows, columns, (columns * 0.47, rows * 0.52), (columns * 0.16, rows * 0.21))
    covered = geometry.prepare_masks(truth[None])
    assert covered.shape == (1, side // 2, side // 2)
    assert 0 <= float(covered.min()) <= float(covered.max()) <= 1
    restored = geometry.restore_masks(covered - 0.5)[0]
    assert dice(restored, truth) > 0.98
    for axis in (0, 1):
        middle = [np.nonzero(mask)[axis].mean() for mask in (restored, truth)]
        assert middle[0] == pytest.approx(middle[1], abs=0.3)


def test_no_mask_outside_the_sector() -> None:
    sector = Sector.from_mask(disc(90, 131, (60, 40), (33, 30)), "motion")
    geometry = Preprocessing(96).geometry(sector, NO_SCALE)
    masks = geometry.restore_masks(torch.full((2, 48, 48), 7.0))
    assert masks.dtype == np.bool_
    assert np.array_equal(masks, np.stack([sector.mask, sector.mask]))


def restored_whole(geometry: FrameGeometry, logits: torch.Tensor) -> NDArray[np.float32]:
    """What `restore_masks` is defined as: logits of the full frame, interpolated everywhere, very low out of sight."""
    above, across = geometry._interpolation
    x0, y0, x1, y1 = geometry.sector.box
    restored = np.full((len(logits), *geometry.sector.mask.shape), -1e4, np.float32)
    restored[:, y0 : y1 + 1, x0 : x1 + 1] = (above @ logits @ across.T).numpy()
    return np.where(geometry.sector.mask, restored, np.float32(-1e4))


@settings(max_examples=150)
@given(geometries(), st.integers(0, 10_000), st.sampled_from([0.001, 0.1, 0.5, 0.9]), st.integers(1, 3))
def test_masks_are_restored_bit_for_bit_as_from_logits_of_the_full_frame(
    geometry: FrameGeometry, seed: int, share: float, count: int
) -> None:
    side = geometry.preprocessing.image_size // 2
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.normal(size=(count, side, side)).astype(np.float32))
    logits[torch.from_numpy(random.random(logits.shape) >= share)] -= 10.0
    whole = restored_whole(geometry, logits)
    # Libraries add up in different orders: so close to 0 the last digit would decide.
    assume(np.abs(whole).min() > 1e-6)
    assert np.array_equal(geometry.restore_masks(logits), whole > 0)


def test_points_and_seams_of_interpolation_are_restored() -> None:
    """One pixel above 0, all of them, and none; at the rim of the input, too, which goes on beyond it."""
    geometry = Preprocessing(96).geometry(boxed(90, 131, (2, 3, 120, 80)), NO_SCALE)
    logits = torch.full((5, 48, 48), -0.25)
    logits[0, 20, 30] = logits[1, 0, 0] = logits[2, 47, 47] = 0.75
    logits[3] = 0.5
    masks = geometry.restore_masks(logits)
    assert np.array_equal(masks, restored_whole(geometry, logits) > 0)
    assert masks[0].any() and masks[3].sum() == geometry.sector.mask.sum() and not masks[4].any()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA device")
def test_masks_come_back_from_another_device() -> None:
    geometry = Preprocessing(96).geometry(boxed(90, 131, (2, 3, 120, 80)), NO_SCALE)
    logits = torch.randn(2, 48, 48)
    assert np.array_equal(geometry.restore_masks(logits.cuda()), geometry.restore_masks(logits))


def test_a_cine_gives_its_own_geometry() -> None:
    sector = boxed(60, 80, (4, 5, 70, 50))
    cine = Cine(np.zeros((2, 60, 80), np.uint8), FrameTimes.unknown("test"), scaled(0.4, 0.3), sector)
    geometry = Preprocessing(96).cine_geometry(cine)
    assert geometry.sector is sector
    assert geometry.aspect == pytest.approx(0.4 / 0.3)


def test_a_turned_frame_crosses_as_the_frame_upside_down() -> None:
    sector = boxed(131, 97, (3, 5, 90, 100))
    sector.mask[5:30, 3:20] = False
    upside_down = Sector.from_mask(sector.mask[::-1].copy(), "region")
    random = np.random.default_rng(2)
    frames, logits = random.integers(0, 255, (2, 131, 97), np.uint8), torch.randn(2, 48, 48)
    masks, points = disc(131, 97, (40, 60), (20, 30))[None], random.uniform(0, 90, (4, 2))
    plain = Preprocessing(96).geometry(upside_down, scaled(0.4, 0.3))
    turned = Preprocessing(96).geometry(sector, scaled(0.4, 0.3), turned=True)
    assert torch.equal(turned.prepare(frames), plain.prepare(frames[:, ::-1].copy()))
    assert torch.equal(turned.prepare_masks(masks), plain.prepare_masks(masks[:, ::-1]))
    assert np.array_equal(turned.restore_masks(logits), plain.restore_masks(logits)[:, ::-1])
    mirrored = np.stack([points[:, 0], 130 - points[:, 1]], axis=1)
    np.testing.assert_allclose(turned.to_model(points), plain.to_model(mirrored), atol=1e-9)
    np.testing.assert_allclose(turned.to_frame(turned.to_model(points)), points, atol=1e-9)


def test_a_cine_on_its_head_is_turned_unless_the_user_did() -> None:
    y, x = np.mgrid[:120, :160]
    fan = (np.hypot(x - 80, y - 5) < 105) & (np.abs(x - 80) < 0.9 * (y - 5))
    frames = np.zeros((2, 120, 160), np.uint8)
    upright = Cine(frames, FrameTimes.unknown("test"), NO_SCALE, Sector.from_mask(fan, "motion"))
    on_its_head = Cine(frames, FrameTimes.unknown("test"), NO_SCALE, Sector.from_mask(fan[::-1].copy(), "motion"))
    turned = [
        Preprocessing(96).cine_geometry(cine).turned for cine in (upright, on_its_head, upright.turned(Flip.VERTICAL))
    ]
    assert turned == [False, True, False]


def test_a_box_on_a_turned_frame_stays_a_box(segmenter: PromptSegmenter) -> None:
    geometry = Preprocessing(96).geometry(boxed(120, 150, (10, 20, 105, 115)), NO_SCALE, turned=True)
    batch = prompt_batch([Prompt(box=(20, 30, 60, 70))], geometry, ("LV", "LA"), segmenter)
    x0, y0, x1, y1 = batch.boxes[0].tolist()
    assert (x0, x1) == pytest.approx((10, 50)) and (y0, y1) == pytest.approx((45, 85))


def test_misfits_are_refused() -> None:
    geometry = Preprocessing(96).geometry(Sector.whole_frame(60, 80), NO_SCALE)
    with pytest.raises(ModelError, match=r"\[N, 60, 80\], like the sector"):
        geometry.prepare(np.zeros((1, 80, 60), np.uint8))
    with pytest.raises(ModelError, match="like the sector"):
        geometry.prepare_masks(np.zeros((60, 80), bool))
    with pytest.raises(ModelError, match=r"must be \[N, 48, 48\]"):
        geometry.restore_masks(torch.zeros(1, 96, 96))
    with pytest.raises(ModelError, match="8 times as long"):
        Preprocessing(96).geometry(Sector.whole_frame(60, 80), scaled(0.9, 0.1))
    for bad in ({"std": 0.0}, {"std": float("nan")}, {"mean": float("inf")}):
        with pytest.raises(ModelError, match="positive standard deviation"):
            Preprocessing(96, **bad)


@pytest.fixture(scope="module")
def segmenter() -> PromptSegmenter:
    return create_segmenter("vit_tiny", 16, 96, text_count=2).eval()


def test_prompts_arrive_in_model_pixels(segmenter: PromptSegmenter) -> None:
    geometry = Preprocessing(96).geometry(boxed(120, 150, (10, 20, 105, 115)), NO_SCALE)
    mask = disc(120, 150, (57.5, 67.5), (20, 20))
    prompts = [
        Prompt(structure="LA"),
        Prompt(points=(PointPrompt(12, 25), PointPrompt(40, 50, positive=False))),
        Prompt(box=(20, 30, 60, 70), structure="LV"),
        Prompt(mask=mask),
    ]
    batch = prompt_batch(prompts, geometry, ("LV", "LA"), segmenter)
    assert batch.text.tolist() == [2, 0, 1, 0]
    assert batch.labels.tolist() == [[-1, -1], [1, 0], [-1, -1], [-1, -1]]
    assert batch.points[1].tolist() == [[2.0, 5.0], [30.0, 30.0]]
    assert batch.boxes[2].tolist() == [10.0, 10.0, 50.0, 50.0]
    assert batch.has_box.tolist() == [False, False, True, False]
    assert batch.has_mask.tolist() == [False, False, False, True]
    assert batch.masks is not None
    assert batch.masks.shape == (4, 1, 24, 24)
    assert batch.masks[3, 0, 11, 11] == MASK_PROMPT_LIMIT
    assert batch.masks[3, 0, 0, 0] == -MASK_PROMPT_LIMIT


def test_a_batch_without_masks_has_none(segmenter: PromptSegmenter) -> None:
    geometry = Preprocessing(96).geometry(Sector.whole_frame(60, 80), NO_SCALE)
    batch = prompt_batch([Prompt(structure="LV")], geometry, ("LV", "LA"), segmenter)
    assert batch.masks is None
    assert batch.points.shape == (1, 0, 2)
    with torch.inference_mode():
        logits, _ = segmenter(torch.zeros(1, 1, 96, 96), torch.tensor([0]), batch)
    assert logits.shape == (1, 48, 48)


def test_a_structure_the_model_does_not_know_is_refused(segmenter: PromptSegmenter) -> None:
    geometry = Preprocessing(96).geometry(Sector.whole_frame(60, 80), NO_SCALE)
    with pytest.raises(PromptError, match="knows by name only LV, LA"):
        prompt_batch([Prompt(structure="RV")], geometry, ("LV", "LA"), segmenter)
