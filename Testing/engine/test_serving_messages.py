"""What passes between a session and the inference process: lines of JSON, and pixels in shared memory."""

from __future__ import annotations

import gc
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_cases import PATIENCE_S

from echoapex.cine import ImageStack
from echoapex.errors import EchoApexError
from echoapex.serving import shared_memory
from echoapex.serving.messages import Lines, line, message
from echoapex.serving.restarting_client import serve_command
from echoapex.serving.shared_memory import SharedCine, SharedMemory, stacked


def test_serve_speaks_lines_of_json(tmp_path: Path) -> None:
    """As any other program would: bad lines are refused, and the end of the input is the end of the process."""
    talk = line({"do": "dance", "id": 1}) + b"no message\n" + b'{"v": 1, "do": "show", "frame": 1}\n'
    done = subprocess.run(serve_command(device="cpu"), input=talk, capture_output=True, check=False, timeout=PATIENCE_S)
    said = [json.loads(one) for one in done.stdout.splitlines()]
    assert done.returncode == 0 and said[0]["say"] == "hello"
    refused = [one["failure"]["rule"] for one in said if one["say"] == "refused"]
    assert refused == ["There is no such message", "A line is no message", "Messages of version 3 are needed"]
    assert {one["v"] for one in said} == {3}


@given(st.lists(st.binary(max_size=30).filter(lambda data: b"\n" not in data and data.strip()), max_size=8), st.data())
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(one + b"\n" for one in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)])]
    cutter = Lines()
    assert [one for piece in pieces for one in cutter.feed(piece)] == lines


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b'{"do": "show"}', b'{"v": "1"}', b"\xff\xfe", b'{"v": 1'])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(EchoApexError):
        message(data)


@pytest.fixture(params=["", "in files"])
def _memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As this system has it, and as systems have it on which memory without a file has no name."""
    if request.param:
        if os.name == "nt":
            pytest.skip("Windows has no such files")
        monkeypatch.setattr("echoapex.serving.shared_memory._NO_FILE", False)
        monkeypatch.setattr("echoapex.serving.shared_memory._NAMES_LAST", False)


def random_frames(shape: tuple[int, int, int], seed: int = 1) -> ImageStack:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.usefixtures("_memory")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 17), st.booleans(), st.integers(0, 2**32 - 1))
def test_masks_pass_through_shared_memory_unharmed(
    count: int, rows: int, columns: int, of_a_scene: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    frames = random_frames((count, rows, columns), seed)
    here = SharedCine(stacked([*frames]) if of_a_scene else frames)
    there = SharedCine.found((count, rows, columns), here.names)
    here.forget_names()
    places = [(part, row) for part, room in (("sector", 1), ("prompt", 2), ("masks", count)) for row in range(room)]
    masks = [rng.random((rows, columns)) > 0.5 for _ in places]
    for (part, row), mask in zip(places, masks):
        getattr(here, part).put(row, mask)
    for (part, row), mask in zip(places, masks):
        assert np.array_equal(getattr(there, part).get(row), mask)
    assert np.array_equal(there.frames, frames) and np.array_equal(here.frames, frames)


lasting = pytest.mark.skipif(not shared_memory._NAMES_LAST, reason="only where memory may keep its name")


@lasting
def test_stacked_frames_are_shared_again_and_again_without_a_copy() -> None:
    frames = stacked([*random_frames((3, 4, 5))])
    for value in (7, 8):
        here = SharedCine(frames)
        there = SharedCine.found(frames.shape, here.names)
        here.forget_names()
        frames[1, 2, 3] = value
        assert there.frames[1, 2, 3] == value


@lasting
@pytest.mark.parametrize("last", ["here", "there"])
def test_pixels_live_as_long_as_one_has_them(last: str) -> None:
    frames = stacked([*random_frames((3, 4, 5))])
    here = SharedCine(frames)
    held = {"here": here.frames[1], "there": SharedCine.found(frames.shape, here.names).frames[1]}[last]
    names, shape = here.names, frames.shape
    del here, frames
    gc.collect()
    assert np.array_equal(held, random_frames((3, 4, 5))[1])
    with pytest.raises(EchoApexError, match="no room to share"):
        SharedCine.found(shape, names)


def test_another_process_cannot_change_the_pixels() -> None:
    here = SharedCine(stacked([*random_frames((3, 4, 5))]))
    there = SharedCine.found((3, 4, 5), here.names)
    here.forget_names()
    with pytest.raises(ValueError, match="read-only"):
        there.frames[0, 0, 0] = 1


@pytest.mark.usefixtures("_memory")
def test_forgotten_memory_cannot_be_found() -> None:
    here = SharedCine(random_frames((3, 4, 5)))
    names = here.names
    here.forget_names()
    here.forget_names()
    with pytest.raises(EchoApexError, match="no room to share"):
        SharedCine.found((3, 4, 5), names)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="only where open files can be counted")
@pytest.mark.usefixtures("_memory")
def test_no_file_stays_open() -> None:
    def share() -> None:
        here = SharedCine(stacked([*random_frames((3, 4, 5))]))
        there = SharedCine.found((3, 4, 5), here.names)
        here.forget_names()
        assert np.array_equal(here.frames, there.frames)

    share()
    before = len(list(Path("/proc/self/fd").iterdir()))
    share()
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(not shared_memory._NO_FILE, reason="only where memory is an open file without a name")
def test_another_file_under_the_same_handle_is_not_taken_for_the_memory() -> None:
    first, second = SharedMemory(10), SharedMemory(10)
    other = f"{second.name.partition('#')[0]}#{first.name.partition('#')[2]}"
    with pytest.raises(EchoApexError, match="The memory is gone"):
        SharedMemory(10, other)


def test_a_cine_is_stacked_without_room_to_share_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(size: int) -> None:
        raise EchoApexError("There is no room to share the cine with the inference process", value=size)

    monkeypatch.setattr("echoapex.serving.shared_memory.SharedMemory", full)
    frames = random_frames((3, 4, 5))
    assert np.array_equal(stacked([*frames]), frames)


@pytest.mark.usefixtures("_memory")
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="looks where Linux has shared memory")
def test_no_file_stays_behind_where_there_is_room_for_half_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    before, reserve, calls = set(Path("/dev/shm").glob("echoapex-*")), shared_memory._reserve, []

    def full(handle: int, size: int) -> None:
        calls.append(size)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        reserve(handle, size)

    monkeypatch.setattr(shared_memory, "_NO_FILE", False)
    monkeypatch.setattr(shared_memory, "_reserve", full)
    with pytest.raises(EchoApexError, match="There is no room"):
        SharedCine(np.zeros((2, 8, 8), np.uint8))
    gc.collect()
    assert len(calls) == 2 and set(Path("/dev/shm").glob("echoapex-*")) == before


def test_only_frames_of_one_size_and_of_bytes_are_stacked() -> None:
    with pytest.raises(ValueError, match="same shape"):
        stacked([np.zeros((4, 5), np.uint8), np.zeros((1, 5), np.uint8)])
    with pytest.raises(TypeError, match="Cannot cast"):
        stacked([*np.zeros((2, 4, 5), np.uint16)])


def test_memory_of_another_name_is_refused() -> None:
    with pytest.raises(EchoApexError, match="no room to share"):
        SharedMemory(10, "/no/such/folder/memory")
