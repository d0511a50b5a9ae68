"""AVI, MP4, GIF and other containers."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from io_writers import fan
from numpy.typing import NDArray
from PIL import Image

from echoapex.cine import TimeSource
from echoapex.errors import ReadError
from echoapex.io import cine_reading, describe, read_cine, sort_out


def write(path: Path, code: str, frames: NDArray[np.uint8], rate: float = 50.0) -> Path:
    """A video of RGB ``[T, H, W, 3]`` or gray ``[T, H, W]`` frames."""
    rgb = frames if frames.ndim == 4 else np.repeat(frames[..., None], 3, axis=-1)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, rgb.shape[2:0:-1])
    assert writer.isOpened()
    for frame in rgb:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()
    return path


def smooth(frames: int = 8) -> NDArray[np.uint8]:
    """A blob that moves, which lossy coding hardly changes."""
    y, x = np.mgrid[:96, :128]
    return np.stack([220 * np.exp(-((x - 50 - 3 * t) ** 2 + (y - 48) ** 2) / 600) for t in range(frames)]).astype(
        np.uint8
    )


@pytest.mark.parametrize(("name", "code"), [("a.avi", "MJPG"), ("a.avi", "XVID"), ("a.mp4", "mp4v")])
def test_videos_keep_frames_and_rate(tmp_path: Path, name: str, code: str) -> None:
    cine = read_cine(write(tmp_path / name, code, smooth()))
    assert cine.frames.shape == (8, 96, 128)
    assert np.abs(cine.frames.astype(int) - smooth()).mean() < 2.5
    assert cine.times.source is TimeSource.CONTAINER
    assert cine.times.frame_rate == pytest.approx(50)
    assert not cine.scale.known
    assert not cine.color
    assert cine.kind == name[-3:]


def test_lossless_video_is_exact(tmp_path: Path) -> None:
    assert np.array_equal(read_cine(write(tmp_path / "a.avi", "FFV1", fan())).frames, fan())


def test_echonet_like_frames_are_read_as_gray(tmp_path: Path) -> None:
    frames = fan(12, 112, 112)
    cine = read_cine(write(tmp_path / "0X1.avi", "MJPG", frames))
    assert cine.frames.shape == (12, 112, 112)
    assert not cine.color
    assert cine.sector.source == "motion"


def test_color_video_is_seen_as_such(tmp_path: Path) -> None:
    rgb = np.repeat(smooth()[..., None], 3, axis=-1)
    rgb[:, 30:60, 40:80] = (230, 20, 20)
    assert read_cine(write(tmp_path / "a.avi", "MJPG", rgb)).color


def test_gif(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    images = [Image.fromarray(frame) for frame in smooth()]
    images[0].save(path, save_all=True, append_images=images[1:], duration=40, loop=0)
    cine = read_cine(path)
    assert cine.frames.shape == (8, 96, 128)
    assert np.abs(cine.frames.astype(int) - smooth()).max() <= 2
    assert cine.times.frame_rate == pytest.approx(25)


def gif(path: Path, durations: list[int]) -> Path:
    """A GIF whose frames are shown for these times in ms."""
    images = [Image.fromarray(frame) for frame in smooth(len(durations))]
    images[0].save(path, save_all=True, append_images=images[1:], duration=durations, loop=0)
    return path


def test_uneven_times_of_a_container_are_told_and_used(tmp_path: Path) -> None:
    cine = read_cine(gif(tmp_path / "a.gif", [30, 30, 60, 30, 30, 60, 30, 30]))
    assert cine.times.seconds == pytest.approx(np.cumsum([0, 30, 30, 60, 30, 30, 60, 30]) / 1000)
    assert any("0.03 to 0.06 s apart" in warning for warning in cine.warnings)


def test_a_last_frame_that_is_held_does_not_change_the_rate_of_the_others(tmp_path: Path) -> None:
    cine = read_cine(gif(tmp_path / "a.gif", [30] * 7 + [1000]))
    assert cine.times.frame_rate == pytest.approx(1 / 0.03)
    assert any("frames per second, but its frames are 0.03 s apart" in warning for warning in cine.warnings)


def test_a_pause_in_a_container_makes_its_times_unknown(tmp_path: Path) -> None:
    cine = read_cine(gif(tmp_path / "a.gif", [30, 30, 30, 30, 900, 30, 30, 30]))
    assert not cine.times.known and "multiple of the median" in cine.times.reason


OTHERS = [("a.mkv", "MJPG"), ("a.webm", "VP80"), ("a.wmv", "WMV2"), ("a.mpg", "MPG1"), ("a.mpeg", "MPG1")]


@pytest.mark.parametrize(("name", "code"), OTHERS)
def test_other_containers_are_found_and_read(tmp_path: Path, name: str, code: str) -> None:
    path = write(tmp_path / name, code, smooth(), rate=25.0)
    assert sort_out(tmp_path)[0] == [path]
    cine = read_cine(path)
    assert cine.frame_count == 8 and cine.times.frame_rate == pytest.approx(25, rel=0.01) and not cine.warnings


@pytest.mark.parametrize(("name", "code"), [("a.avi", "MJPG"), ("a.mkv", "MJPG"), ("a.mp4", "mp4v")])
def test_a_video_without_an_ending_is_known_by_its_content(tmp_path: Path, name: str, code: str) -> None:
    write(tmp_path / name, code, smooth()).rename(tmp_path / "noending")
    assert sort_out(tmp_path)[0] == [tmp_path / "noending"]
    assert read_cine(tmp_path / "noending").frame_count == 8


@pytest.mark.parametrize("start", [b"\0\0\1\0\1\0", b"\0\0\0\x18ftypheic", b"RIFF\0\0\0\0WEBP", b"RIFF\0\0\0\0WAVE"])
def test_pictures_and_sounds_without_an_ending_are_no_videos(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "noending").write_bytes(start + bytes(200))
    assert sort_out(tmp_path)[0] == []


def test_a_rate_that_cannot_be_leaves_the_times_unknown(tmp_path: Path) -> None:
    cine = read_cine(write(tmp_path / "a.avi", "MJPG", smooth(), rate=1000))
    assert not cine.times.known
    assert "1000" in cine.times.reason


def test_one_frame_is_a_single_frame(tmp_path: Path) -> None:
    assert read_cine(write(tmp_path / "a.avi", "MJPG", smooth(1))).times.source is TimeSource.SINGLE_FRAME


def test_a_video_cut_short_is_refused_or_says_what_is_missing(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.avi", "MJPG", smooth(20)).read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: len(whole) // 2])
    try:
        cine = read_cine(cut)
    except ReadError:
        return
    assert cine.frame_count < 20
    assert any("container states" in warning for warning in cine.warnings)


@pytest.mark.parametrize("content", [b"RIFF", b"no video at all" * 50])
@pytest.mark.parametrize("suffix", ["avi", "mp4", "gif"])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ReadError, match="not a video"):
        read_cine(path)


def test_without_opencv_the_refusal_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.avi", "MJPG", smooth())
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ReadError, match="needs OpenCV"):
        cine_reading.read_cine(path)


def test_describe_a_video(tmp_path: Path) -> None:
    record = describe(write(tmp_path / "a.avi", "MJPG", smooth()))
    assert (record["kind"], record["modality"], record["mode"]) == ("avi", None, "2D")
    assert record["frame_times_s"] == pytest.approx(np.arange(8) / 50)
    assert record["scale_reason"]


def test_a_cut_gif_warns(tmp_path: Path) -> None:
    frames = [Image.fromarray(frame) for frame in np.random.default_rng(1).integers(0, 255, (6, 96, 128), np.uint8)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=40)
    assert not any("end marker" in warning for warning in read_cine(tmp_path / "a.gif").warnings)
    whole = (tmp_path / "a.gif").read_bytes()
    (tmp_path / "b.gif").write_bytes(whole[: len(whole) * 2 // 3])
    assert any("end marker" in warning for warning in read_cine(tmp_path / "b.gif").warnings)
