"""Files are there whole or not at all, on a full disk, too."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from echoapex.io.safe_files import copy_atomically, try_to_write, write_atomically, written_beside

# Beyond this size the system refuses to write, as on a full disk.
FULL_DISK = """
    import resource, signal, sys
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
"""


def on_a_full_disk(code: str, *arguments: object) -> str:
    """What ``code`` prints in a process that can write files of 4096 bytes at most."""
    command = [sys.executable, "-c", textwrap.dedent(FULL_DISK) + textwrap.dedent(code), *map(str, arguments)]
    paths = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(command, env=paths, check=True, capture_output=True, text=True).stdout


def test_what_is_written_replaces_what_was_there_and_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")
    write_atomically(tmp_path / "a.txt", b"new")
    copy_atomically(tmp_path / "a.txt", tmp_path / "b.txt")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.txt": b"new", "b.txt": b"new"}


def test_what_fails_leaves_what_was_there_and_no_draft(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), written_beside(tmp_path / "a.txt") as draft:
        draft.write_bytes(b"half")
        raise ZeroDivisionError
    with pytest.raises(FileNotFoundError), written_beside(tmp_path / "a.txt"):
        pass  # Whoever should write did not, and did not say so.
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.txt": b"old"}


def test_a_disk_that_loses_bytes_without_a_word_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: write(path, data[:2]))
    with pytest.raises(OSError, match="2 of 5 bytes"):
        write_atomically(tmp_path / "a.txt", b"whole")
    assert list(tmp_path.iterdir()) == []


def test_trying_leaves_nothing_and_tells_of_a_missing_folder(tmp_path: Path) -> None:
    try_to_write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError):
        try_to_write(tmp_path / "missing")


@pytest.mark.skipif(sys.platform == "win32", reason="file sizes can be limited on POSIX only")
def test_on_a_full_disk_masks_are_refused_and_those_of_before_stay(tmp_path: Path) -> None:
    (tmp_path / "m.nrrd").write_bytes(b"old")
    code = """
        import numpy as np
        from pathlib import Path
        from echoapex.cine import Cine, FrameTimes, Scale
        from echoapex.errors import EchoApexError
        from echoapex.io import write_masks
        from echoapex.simulation import draw_case, simulate_clip
        from echoapex.simulation.vendor_looks import TRAINING
        cine = simulate_clip(draw_case("easy", 900_901), "A4C", rows=120, columns=160, sampling=TRAINING,
                             beats=1.0, max_frames=6).cine()
        masks = np.random.default_rng(1).random(cine.frames.shape) > 0.5
        try:
            write_masks(Path(sys.argv[1]), masks, cine)
        except EchoApexError as refusal:
            print(refusal)
    """
    assert "The masks cannot be written here" in on_a_full_disk(code, tmp_path / "m.nrrd")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"m.nrrd": b"old"}
