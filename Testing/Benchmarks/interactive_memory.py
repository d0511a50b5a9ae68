"""Memory of a long cine at work: the process of the panel and the inference process, above what they take without it.

Started by itself, this is the process of a panel: MRML and the panel's work on cines, no windows. It opens a file,
waits until all frames are encoded, has two structures found by name in every frame and the curve measured, and prints
megabytes as JSON. What is counted is anonymous memory (``Pss_Anon`` of ``/proc/PID/smaps_rollup``) of both processes,
and the memory that they share once, with its whole size; pages of libraries are not.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from figures import Figure, Goal
from interactive_process import inference_process, say, threads_as_in_a_panel, wait

from echoapex.cine import ImageStack
from echoapex.models.model_loading import LoadedModel
from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import TRAINING

FRAMES, ROWS, COLUMNS = 200, 600, 800
STRUCTURES = ("LV", "LA")
PANEL, INFERENCE, SHARED = "panel:", "inference process:", "shared"
OPENED, MASKS, CURVE = "opened and encoded", "masks", "curve"
MARKED = ((PANEL, OPENED), (INFERENCE, OPENED), (PANEL, MASKS))
HOW = f"{FRAMES} frames of {COLUMNS} x {ROWS}, anonymous memory of both processes and the shared memory once"
# Loaded before the cine is: they belong to the process.
LIBRARIES = ("cv2", "pydicom", "scipy.ndimage", "slicer", "vtk", "echoapex.io", "EchoApexLib.session.sceneController")

_ROLLUP = "/proc/{}/smaps_rollup"
_MEGABYTE = 1e6


def memory_figures(model: LoadedModel, seed: int, goal: Goal) -> tuple[Figure, Figure]:
    """Megabytes above model and processes: of the cine encoded and with masks, and of all that a panel keeps of it.

    The second adds the curve, and what stays with the inference process after it has found the masks.
    """
    reason = _hindrance()
    if reason:
        missing = Figure(None, goal=goal, unit="MB", how=reason)
        return missing, missing
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cine.dcm"
        _write_cine(path, seed)
        command = [sys.executable, __file__, str(path), "--model", str(model.folder)]
        with threads_as_in_a_panel():
            told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    parts = json.loads(told)
    marked = {name: parts[name] for name in (SHARED, *(f"{who} {what}" for who, what in MARKED))}
    return _figure(marked, goal), _figure(parts, goal)


def _figure(parts: Mapping[str, float], goal: Goal) -> Figure:
    return Figure(sum(parts.values()), goal=goal, unit="MB", how=HOW, parts=parts)


def _hindrance() -> str:
    """Why nothing can be measured here, "" where it can."""
    if not Path(_ROLLUP.format("self")).exists():
        return "this system has no /proc that tells memory apart"
    return "" if find_spec("slicer") else "slicer is not installed"


def _write_cine(path: Path, seed: int) -> None:
    """A few simulated frames, over and over: what a frame takes does not depend on what it shows."""
    say(f"simulating {FRAMES} frames of {COLUMNS} x {ROWS}")
    few = {"rows": ROWS, "columns": COLUMNS, "beats": 60.0, "max_frames": 4, "sampling": TRAINING}
    clip = simulate_clip(draw_case("hard", seed), "A4C", **few)
    write_dicom(path, replace(clip, frames=clip.frames[np.arange(FRAMES) % len(clip.frames)]), 1)


def anonymous_mb(pid: int) -> float:
    """What a process has that is in no file and shared with none."""
    for line in Path(_ROLLUP.format(pid)).read_text(encoding="ascii").splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) * 1024 / _MEGABYTE
    raise RuntimeError("This Linux does not tell anonymous memory apart")


def shared_mb(frames: ImageStack) -> float:
    """What the two processes share of a cine with ``frames [T, H, W]``: its pixels, and masks of one bit a pixel."""
    from echoapex.serving.shared_memory import SharedCine

    shared = SharedCine(frames)
    shared.forget_names()
    masks = (shared.sector, shared.prompt, shared.masks)
    return (shared.frames.nbytes + sum(room.packed.nbytes for room in masks)) / _MEGABYTE


class Meter:
    """Megabytes by which the processes of ``pids`` grow from stage to stage."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = pids
        self._before = self._now()
        self.grown: dict[str, float] = {}

    def stage(self, name: str) -> None:
        """What has come since the stage before is that of ``name``."""
        now = self._now()
        self.grown |= {f"{who} {name}": now[who] - self._before[who] for who in now}
        self._before = now

    def _now(self) -> dict[str, float]:
        return {who: anonymous_mb(pid) for who, pid in self._pids.items()}


def work_on(path: Path, model: Path, cache: Path) -> Mapping[str, float]:
    """Megabytes that the cine takes in each of the two processes, stage by stage, and in what they share."""
    from EchoApexLib.session.sceneController import SceneController
    from EchoApexLib.study.studyInScene import newScene

    for name in LIBRARIES:
        importlib.import_module(name)
    with newScene() as scene:
        bench = SceneController(
            scene, changed=lambda: None, said=say, startProcess=lambda _, news: inference_process(model, cache, news)
        )
        bench.start()
        process = bench.process
        assert process is not None and process.pid is not None
        wait(process, lambda: process.told.device)
        meter = Meter({PANEL: os.getpid(), INFERENCE: process.pid})
        bench.openFile(path)
        wait(process, lambda: bench.opening is None, bench.tick)
        cine = bench.current.cine
        wait(process, lambda: len(process.told.encoded) == cine.frame_count)
        meter.stage(OPENED)
        for structure in STRUCTURES:
            bench.current.choose(structure)
            bench.current.propagate()
            wait(process, lambda: bench.current.progress is None)
        meter.stage(MASKS)
        bench.tick()
        meter.stage(CURVE)
        bench.close()
    return {**meter.grown, SHARED: shared_mb(cine.frames)}


def main() -> int:
    """Prints the megabytes as JSON."""
    parser = argparse.ArgumentParser(description="The memory that a cine takes in a panel and its inference process.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        print(json.dumps(work_on(chosen.file, chosen.model, Path(cache))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
