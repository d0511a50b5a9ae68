"""How long a window waits at most while a clip of 200 frames of 800 x 600 is opened: at once, and as the panel does.

``python3 run.py bench opening --structures 3``; no window is needed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from echoapex.cine import BoolMask, Cine
from echoapex.inference.segmentation import Segmentation
from echoapex.io import read_cine
from EchoApexLib.cine.cineFromBrowser import openCine
from EchoApexLib.cine.clipOpening import ClipOpening
from EchoApexLib.record.studyContents import SceneClip
from EchoApexLib.study.studyInScene import addClipSteps, newScene

FRAMES, ROWS, COLUMNS = 200, 600, 800
TICK_S = 0.03


def main() -> None:
    """Prints the longest block of each way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--structures", type=int, default=3, help="structures with masks in each frame")
    chosen = parser.parse_args()
    # What a panel has loaded long before.
    import vtk
    import vtk.util.numpy_support  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        file = _write(Path(folder) / "clip.nrrd")
        with newScene() as scene:
            blocks = [_seconds(lambda: openCine(scene, read_cine(file, in_color=True)))]
            _tell("at once, without masks", blocks)
        for count in dict.fromkeys((0, chosen.structures)):
            with newScene() as scene:
                _tell(f"in pieces, {count} structures", _opened(scene, file, count))


def _write(path: Path) -> Path:
    import SimpleITK as sitk

    frames = np.random.default_rng(0).integers(0, 256, (FRAMES, ROWS, COLUMNS), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(frames), str(path))
    return path


def _opened(scene: Any, file: Path, structures: int) -> list[float]:
    def make(cine: Cine, _masks: dict[str, BoolMask]) -> Any:
        inside = np.broadcast_to(_disk(), cine.frames.shape)
        names = ("LV", "LV_MYO", "LA", "RV", "RA", "AO")[:structures]
        found = {name: Segmentation(inside, np.ones(cine.frame_count, np.float32)) for name in names}
        return addClipSteps(scene, SceneClip("a", cine, "A4C", found), "A4C")

    opening, blocks = ClipOpening(file.name, {"file": file}, make), []
    while opening.busy:
        blocks.append(_seconds(opening.poll))
        time.sleep(TICK_S)
    if opening.browser is None:
        raise SystemExit(opening.problem)
    return blocks


def _disk() -> BoolMask:
    y, x = np.mgrid[:ROWS, :COLUMNS]
    return np.asarray((y - ROWS / 2) ** 2 + (x - COLUMNS / 2) ** 2 < (ROWS / 4) ** 2)


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _tell(what: str, blocks: list[float]) -> None:
    busy = sum(blocks)
    print(f"{what}: longest block {max(blocks):.3f} s of {busy:.2f} s of work in {len(blocks)} looks")


if __name__ == "__main__":
    main()
