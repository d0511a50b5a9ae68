"""Curates pydicom's files, simulated studies and damaged ones: counted by reason, equal for one and for three workers,
and after kills at random moments the same shards bit for bit.

``python3 run.py bench curation [--kills N] [--studies N]``. Prints files, clips and frames per second, every reason,
and how the kills went; ends with 1 where two outputs differ.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from echoapex.data.clip_frames import FrameSettings
from echoapex.data.curation import Curated, CurationSettings, curate
from echoapex.io.project_key import ProjectKey

KEY = ProjectKey(b"benchmark benchmark benchmark 32")
SETTINGS = CurationSettings(FrameSettings(256), {"train": 0.8, "val": 0.2}, shard_bytes=1_000_000)
DAMAGED_SHARE = 0.05
_CHILD = "--child"


def main() -> int:
    """Runs the benchmark, or, as a child, one curation that may be killed."""
    if _CHILD in sys.argv:
        source, out = map(Path, sys.argv[2:4])
        curate([source], out, KEY, SETTINGS, workers=2, progress=_silent)
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--studies", type=int, default=4)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echoapex-") as folder:
        return _run(Path(folder), chosen.kills, chosen.studies)


def _run(folder: Path, kills: int, studies: int) -> int:
    source = folder / "source"
    files = write_source(source, studies)
    began = time.perf_counter()
    whole = curate([source], folder / "one", KEY, SETTINGS, workers=1, progress=_silent)
    taken = time.perf_counter() - began
    print(f"{files} files in {taken:.1f} s by one worker")
    print(f"{whole.counts['clips']} clips with {whole.counts['frames']} frames in the shards")
    _print_reasons(whole)
    curate([source], folder / "three", KEY, SETTINGS, workers=3, progress=_silent)
    different = _different(folder / "three", folder / "one")
    print(f"three workers: {_told(different)}")
    chance = random.Random(1)
    killed = again = 0
    while killed < kills:
        out = folder / "killed"
        killed += _kill_one(source, out, chance.uniform(0.1, 1.0) * taken)
        if (out / "manifest.parquet").exists() or killed == kills:
            curate([source], out, KEY, SETTINGS, progress=_silent)
            again += 1
            different += _different(out, folder / "one")
            shutil.rmtree(out)
    print(f"{killed} kills over {again} curations that were gone on with: {_told(different)}")
    return 1 if different else 0


def _different(one: Path, other: Path) -> list[str]:
    """The files that two outputs do not have in common."""
    first, second = content(one), content(other)
    return [name for name in sorted(first.keys() | second.keys()) if first.get(name) != second.get(name)]


def _told(different: list[str]) -> str:
    return f"DIFFERENT: {', '.join(sorted(set(different)))}" if different else "equal"


def _kill_one(source: Path, out: Path, after: float) -> bool:
    """Starts a curation, or goes on with one, and kills it; whether it was still running."""
    running = subprocess.Popen(
        [sys.executable, __file__, _CHILD, str(source), str(out)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        running.wait(after)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        running.wait()
        return True
    return False


def write_source(source: Path, studies: int) -> int:
    """The files of pydicom and pydicom-data, simulated studies, and five in a hundred of all of them damaged."""
    from pydicom.data import get_testdata_files

    from echoapex.simulation import draw_case, simulate_clip
    from echoapex.simulation.dicom_writing import write_dicom
    from echoapex.simulation.vendor_looks import TRAINING

    home = source / "pydicom"
    home.mkdir(parents=True)
    for number, path in enumerate(sorted(map(Path, get_testdata_files("**/*.dcm")))):
        if path.is_file():
            shutil.copy(path, home / f"{number}-{path.name}")
    for seed in range(studies):
        study = source / f"study{seed}"
        study.mkdir()
        case = draw_case("hard", 900_400 + seed)
        for number, view in enumerate(("A4C", "A2C", "PLAX"), start=1):
            clip = simulate_clip(case, view, rows=240, columns=320, sampling=TRAINING, max_frames=20, beats=1.0)
            write_dicom(study / f"{view}.dcm", clip, number)
    files = sorted(path for path in source.rglob("*") if path.is_file())
    for number in np.random.default_rng(3).permutation(len(files))[: round(DAMAGED_SHARE * len(files))]:
        damage(files[number], int(number))
    return len(files)


def damage(path: Path, seed: int) -> None:
    """Cuts a file short, or writes noise over a part of it."""
    chance, data = np.random.default_rng(seed), bytearray(path.read_bytes())
    if seed % 2:
        path.write_bytes(data[: int(chance.uniform(0.05, 0.95) * len(data))])
        return
    start = int(chance.uniform(0, 0.9) * len(data))
    data[start : start + 400] = chance.bytes(len(data[start : start + 400]))
    path.write_bytes(data)


def content(folder: Path) -> dict[str, bytes]:
    """All files of an output that are not hidden."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if not path.name.startswith(".")}


def _print_reasons(found: Curated) -> None:
    for kind, reasons in (("left out", found.left_out), ("failed", found.failed)):
        for rule, times in sorted(reasons.items(), key=lambda item: -item[1]):
            print(f"  {times:4d} {kind}: {rule}")


def _silent(_: str) -> None:
    pass


if __name__ == "__main__":
    sys.exit(main())
