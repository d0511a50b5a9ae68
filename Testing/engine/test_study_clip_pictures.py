"""Small pictures of clips: the sector of the middle frame, each pixel the mean of what it stands for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from echoapex.cine import Cine, FrameTimes, Scale, Sector
from echoapex.study.clip_listing import list_clips
from echoapex.study.clip_pictures import HEIGHT, WIDTH, from_text, small_picture, to_text


def cine(frames: np.ndarray, mask: np.ndarray | None = None) -> Cine:
    sector = Sector.whole_frame(*frames.shape[1:]) if mask is None else Sector.from_mask(mask, "region")
    return Cine(frames, FrameTimes.unknown("none"), Scale.none("none"), sector)


def test_each_pixel_is_the_mean_of_what_it_stands_for() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 4 * HEIGHT, 4 * WIDTH), np.uint8)
    wanted = frames[2].reshape(HEIGHT, 4, WIDTH, 4).mean((1, 3))
    np.testing.assert_array_equal(small_picture(cine(frames)), np.rint(wanted).astype(np.uint8))


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 500), (500, 3), (48, 64), (37, 211), (600, 800)])
def test_a_frame_of_any_size_fills_it_one_way_and_keeps_its_proportions(rows: int, columns: int) -> None:
    picture = small_picture(cine(np.full((1, rows, columns), 200, np.uint8)))
    lit = np.argwhere(picture == 200)
    height, width = np.ptp(lit, axis=0) + 1
    assert set(np.unique(picture)) <= {0, 200} and (height == HEIGHT or width == WIDTH)
    factor = min(HEIGHT / rows, WIDTH / columns)
    assert abs(height - max(rows * factor, 1)) <= 1 and abs(width - max(columns * factor, 1)) <= 1


def test_what_lies_outside_of_the_sector_is_not_in_it() -> None:
    mask = np.zeros((100, 200), bool)
    mask[20:80, 50:150] = True
    frames = np.full((3, 100, 200), 255, np.uint8)
    frames[:, mask] = 90
    assert set(np.unique(small_picture(cine(frames, mask)))) == {0, 90}


def test_as_text_and_back() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    assert from_text(to_text(picture)) == picture.tobytes()
    assert from_text("none") is None and from_text("*") is None and from_text("") is None


def test_pictures_come_after_the_list_and_a_clip_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    from study_cases import Take, write_take

    write_take(tmp_path / "a.dcm", Take("A4C", stop=4))
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "b.dcm").write_bytes(whole[: len(whole) // 4])
    messages = list(list_clips([tmp_path]))
    kinds = [message["say"] for message in messages]
    assert kinds[-2:] == ["listed", "picture"] and kinds.count("clip") == 2
    assert messages[-1]["file"] == (tmp_path / "a.dcm").resolve() and len(messages[-1]["box"]) == 4
    clip = next(message for message in messages if message["say"] == "clip")
    assert clip["machine"].startswith("EchoApex simulation") and len(clip["size"]) == 2
