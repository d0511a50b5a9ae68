"""The process that reads files: what goes through it, and what a file that aborts, loops or explodes costs."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from io_writers import dicom, fan, save

from echoapex.errors import EchoApexError, NotAClipError, ReadError
from echoapex.io import cine_reading, guarded, read_cine
from echoapex.io.reading_process import ReadingLimits, ReadingProcess
from echoapex.io.worker_messages import BrokenMessageError, pack, unpack

SMALL = ReadingLimits(seconds=3.0, memory=400 * 1024**2)


@pytest.fixture(scope="module")
def process() -> Iterator[ReadingProcess]:
    started = ReadingProcess(SMALL)
    yield started
    started.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clip"
    path.write_bytes(b"anything")
    return path


def size_of(path: Path) -> int:
    return path.stat().st_size


def pid_of(path: Path) -> int:
    return os.getpid()


def aborts(path: Path) -> None:
    os.abort()


def exits(path: Path) -> None:
    os._exit(3)


def is_killed(path: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def loops(path: Path) -> None:
    while True:
        sum(range(10_000))


def waits(path: Path) -> None:
    time.sleep(600)


def explodes(path: Path) -> None:
    held = []
    while True:
        held.append(np.ones(1 << 22))


def prints(path: Path) -> str:
    print("on standard output")
    os.write(1, b"past Python's buffers")
    return "well"


def refuses(path: Path) -> None:
    raise NotAClipError("This is no clip", value=12, file=path)


def has_a_defect(path: Path) -> None:
    raise KeyError("Jane Doe")


def lacks_a_library(path: Path) -> None:
    raise ModuleNotFoundError("No module named 'rare'", name="rare")


def has_no_memory(path: Path) -> None:
    raise MemoryError


@dataclass(frozen=True)
class Foreign:
    number: int = 1


def gives_what_no_reader_gives(path: Path) -> Foreign:
    return Foreign()


def test_a_cine_comes_through_as_it_was_read(tmp_path: Path) -> None:
    path = save(dicom(fan()), tmp_path / "a.dcm")
    there, here = read_cine(path), cine_reading.read_cine(path)
    assert np.array_equal(there.frames, here.frames) and np.array_equal(there.sector.mask, here.sector.mask)
    assert there.path == path and there.scale == here.scale and there.mode is here.mode
    assert there.warnings == here.warnings and there.setting == here.setting
    assert there.frames.flags.writeable


def test_one_process_reads_one_file_after_the_other(process: ReadingProcess, file: Path) -> None:
    first = process.run(pid_of, file)
    assert process.run(size_of, file) == 8
    assert process.run(pid_of, file) == first != os.getpid()


def test_names_are_those_that_were_given(process: ReadingProcess, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    assert process.run(size_of, file.name) == 8
    with pytest.raises(NotAClipError) as refusal:
        process.run(refuses, file.name)
    assert refusal.value.as_failure() == {"file": "clip", "rule": "This is no clip", "value": "12"}


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (aborts, r"has ended: the file is damaged, or made to do harm"),
        (exits, r"has ended.*\(found: exit code 3\)"),
        (loops, r"more computing than the 3 s that are allowed"),
        (explodes, r"more memory than the 0.391 GiB that are allowed"),
        (gives_what_no_reader_gives, r"made to do harm"),
    ],
)
def test_a_file_that_does_harm_costs_only_itself(
    process: ReadingProcess, tmp_path: Path, file: Path, reader: object, said: str
) -> None:
    with pytest.raises(ReadError, match=said) as refusal:
        process.run(reader, file)  # type: ignore[arg-type]
    assert refusal.value.file == str(file)
    other = tmp_path / "other"
    other.write_bytes(b"fine")
    pid = process.run(pid_of, other)
    # It is known now, and does not get the process that others need.
    with pytest.raises(ReadError, match=said):
        process.run(size_of, file)
    assert process.run(pid_of, other) == pid
    file.write_bytes(b"mended file")
    assert process.run(size_of, file) == 11


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_killed_from_outside_says_nothing_of_the_file(process: ReadingProcess, file: Path) -> None:
    with pytest.raises(ReadError, match="SIGKILL"):
        process.run(is_killed, file)
    assert process.run(size_of, file) == 8


def test_waiting_without_computing_ends_too(file: Path) -> None:
    process = ReadingProcess(ReadingLimits(seconds=0.5))
    with pytest.raises(ReadError, match="could not be read within 2 s"):
        process.run(waits, file)
    process.close()


def test_what_decoders_print_does_not_come_between(
    process: ReadingProcess, file: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert process.run(prints, file) == "well"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (has_a_defect, r"its reader failed \(found: KeyError\)"),
        (lacks_a_library, r"cannot be imported \(found: rare\)"),
        (has_no_memory, r"not enough memory"),
    ],
)
def test_what_goes_wrong_inside_is_a_sentence(process: ReadingProcess, file: Path, reader: object, said: str) -> None:
    pid = process.run(pid_of, file)
    with pytest.raises(ReadError, match=said) as refusal:
        process.run(reader, file)  # type: ignore[arg-type]
    assert "Jane" not in str(refusal.value)
    assert process.run(pid_of, file) == pid


def test_threads_take_turns(process: ReadingProcess, tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(8)]
    found: dict[int, int] = {}
    for number, path in enumerate(files):
        path.write_bytes(b"x" * number)
    work = [
        threading.Thread(target=lambda n=n: found.update({n: process.run(size_of, files[n])}))
        for n in range(len(files))
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert found == {number: number for number in range(len(files))}


def test_a_python_that_is_none_is_said(file: Path) -> None:
    with pytest.raises(EchoApexError, match="cannot be started") as refusal:
        ReadingProcess(python="/no/such/python").run(size_of, file)
    assert not isinstance(refusal.value, ReadError)


LONELY = """
import os, signal, sys, threading
from pathlib import Path
sys.path[:0] = {path!r}
from echoapex.io.reading_process import ReadingProcess
from test_io_reading_process import {reader}, pid_of
process = ReadingProcess()
print(process.run(pid_of, Path(__file__)), flush=True)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)).start()
process.run({reader}, Path(__file__))
"""


@pytest.mark.parametrize("reader", ["waits", "loops"])
def test_it_ends_with_its_parent_whatever_it_does(tmp_path: Path, reader: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(LONELY.format(path=[str(Path(__file__).parent), *sys.path], reader=reader))
    parent = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=120)
    child = int(parent.stdout)
    deadline = time.monotonic() + 60
    while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_reply_makes_nothing_but_values() -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return os.system, ("true",)

    for value in (Evil(), ReadingProcess, EchoApexError("no"), Foreign()):
        with pytest.raises(BrokenMessageError):
            unpack([bytearray(part) for part in pack(value)[1:]])
    frames = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(unpack([bytearray(part) for part in pack(frames)[1:]]), frames)


def test_the_shared_process_reads_for_all(file: Path) -> None:
    assert guarded(pid_of, file) == guarded(pid_of, file) != os.getpid()
