"""A study of three clips end to end, by stage, against plain timm frame by frame with pydicom's ``ds.pixel_array``.

The clips are simulated (A4C, A2C and PLAX, 480 x 640) and written as machines write them: JPEG baseline in color. What
they are compared with is what one would write without this project: every frame decoded by pydicom, resized, and put
alone through timm's network of the same size in single precision. It stops there, with features and no measurement.
Seconds are processor time of one thread; ratios are of the same round.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from unittest import mock

import cv2
import numpy as np
import torch
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

import echoapex.io
from echoapex.cine import Cine
from echoapex.inference.encoding import FRAMES_PER_BATCH, EncodedCine
from echoapex.inference.segmentation import Segmentation
from echoapex.inference.view_outlines_landmarks import ModelObserver
from echoapex.landmarks import Landmarks
from echoapex.models.image_encoder import ENCODERS
from echoapex.models.model_loading import LoadedModel, load_model
from echoapex.report import write_report
from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import TRAINING
from echoapex.study.batch_analysis import StudyOptions, analyze_study
from echoapex.study.scene_writer_process import write_scene

VIEWS = ("A4C", "A2C", "PLAX")
SEED = 900_950
PLAIN, OURS = "timm and ds.pixel_array", "echoapex"
READ, ENCODE, VIEW, OUTLINES, LANDMARKS = "read", "encode", "tell the view", "outline structures", "find landmarks"
MEASURE, REPORT, SCENE = "group and measure", "write the report", "write the scene"
STAGES = (READ, ENCODE, VIEW, OUTLINES, LANDMARKS, MEASURE, REPORT, SCENE)
SHARED = (READ, ENCODE)
"""The stages that both do."""

Seconds = dict[str, float]


def cpu_seconds() -> float:
    """Processor time of this process and of those it waited for: the scene is written by one of its own."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Watch:
    """Adds up the processor time of stages."""

    def __init__(self) -> None:
        self.seconds: Seconds = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = cpu_seconds()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + cpu_seconds() - start


class WatchedObserver(ModelObserver):
    """The study's own observer with a watch beside it; all frames are encoded first, so that stages do not mix."""

    def __init__(self, model: LoadedModel, cine: Cine, watch: Watch) -> None:
        super().__init__(model, cine)
        self._watch = watch
        encoded: EncodedCine = self._cine
        with watch.stage(ENCODE):
            for start in range(0, cine.frame_count, FRAMES_PER_BATCH):
                encoded.features(range(start, min(start + FRAMES_PER_BATCH, cine.frame_count)))

    def view(self):  # type: ignore[no-untyped-def]
        with self._watch.stage(VIEW):
            return super().view()

    def outlines(self, names: Sequence[str]) -> Mapping[str, Segmentation]:
        with self._watch.stage(OUTLINES):
            return super().outlines(names)

    def landmarks(self) -> Landmarks | None:
        with self._watch.stage(LANDMARKS):
            return super().landmarks()


def write_clips(folder: Path, frames: int) -> list[Path]:
    """The simulated clips as JPEG baseline files."""
    case, paths = draw_case("hard", SEED), []
    for number, view in enumerate(VIEWS, start=1):
        print(f"simulating {view}, {frames} frames", file=sys.stderr)
        clip = simulate_clip(case, view, beats=60.0, max_frames=frames, sampling=TRAINING)
        paths.append(folder / f"{view}.dcm")
        write_dicom(paths[-1], clip, number)
        _compress(paths[-1])
    return paths


def _compress(path: Path) -> None:
    """JPEG baseline 4:2:2 in color, as most machines store cines."""
    data = dcmread(path)
    options = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
    colored = [cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) for frame in data.pixel_array]
    streams = [cv2.imencode(".jpg", frame, options)[1].tobytes() for frame in colored]
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PlanarConfiguration = 3, "YBR_FULL_422", 0
    data.LossyImageCompression, data.file_meta.TransferSyntaxUID = "01", JPEGBaseline8Bit
    data.PixelData = encapsulate(streams)
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    data.save_as(path, enforce_file_format=True)


def plain_network(model: LoadedModel) -> torch.nn.Module:
    """Timm's network of the same architecture and input size, as it comes."""
    import timm

    shape = model.card.architecture
    spec = ENCODERS[shape.encoder]
    options = {"img_size": shape.image_size, "patch_size": shape.patch} if spec.transformer else {}
    return timm.create_model(spec.timm_name, pretrained=False, num_classes=0, **options).eval().to(model.device)


def run_plain(paths: Sequence[Path], network: torch.nn.Module, model: LoadedModel) -> Seconds:
    """Every frame decoded by pydicom and encoded alone."""
    watch, side = Watch(), model.card.architecture.image_size
    for path in paths:
        with watch.stage(READ):
            frames = dcmread(path).pixel_array
        with watch.stage(ENCODE), torch.inference_mode():
            for frame in frames:
                small = cv2.resize(frame, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
                network(torch.from_numpy(small).permute(2, 0, 1)[None].to(model.device))
    return watch.seconds


def run_study(paths: Sequence[Path], model: LoadedModel, folder: Path) -> Seconds:
    """The study as ``echoapex analyze`` does it."""
    watch, read = Watch(), echoapex.io.read_cine

    def timed_read(path: Path) -> Cine:
        with watch.stage(READ):
            return read(path)

    named = None if model.card.views else {path.name: path.stem for path in paths}
    options = StudyOptions(views=named, observe=lambda model, cine: WatchedObserver(model, cine, watch), scene=False)
    start = cpu_seconds()
    with mock.patch("echoapex.io.read_cine", timed_read):
        (report,) = analyze_study(paths, model, options=options)
    known = sum(watch.seconds.values())
    watch.seconds[MEASURE] = cpu_seconds() - start - known
    with watch.stage(REPORT):
        write_report(folder, report)
    with watch.stage(SCENE):
        scene = write_scene(folder)
    if scene.path is None:
        print(scene.message, file=sys.stderr)
        del watch.seconds[SCENE]
    return watch.seconds


def summary(plain: Sequence[Seconds], ours: Sequence[Seconds]) -> dict[str, dict[str, object]]:
    """Median seconds of each stage on both sides, and the ratios of the rounds: median, lowest, highest."""
    rows: dict[str, tuple[list[float], list[float]]] = {}
    for stage in STAGES:
        if stage in ours[0]:
            before = [run[stage] for run in plain] if stage in SHARED else []
            rows[stage] = before, [run[stage] for run in ours]
    rows["read and encode"] = [sum(run.values()) for run in plain], [sum(run[s] for s in SHARED) for run in ours]
    rows["all (plain: no more)"] = [sum(run.values()) for run in plain], [sum(run.values()) for run in ours]
    return {name: _row(before, after) for name, (before, after) in rows.items()}


def _row(before: Sequence[float], after: Sequence[float]) -> dict[str, object]:
    # A stage of a model without that head takes no time at all.
    ratios = sorted(b / a for b, a in zip(before, after, strict=True) if a > 0) if before else []
    found = {"median": median(ratios), "lowest": ratios[0], "highest": ratios[-1]} if ratios else None
    return {PLAIN: median(before) if before else None, OURS: median(after), "ratio": found}


def print_summary(rows: Mapping[str, Mapping[str, object]]) -> None:
    print(f"{'':22}{PLAIN:>26}{OURS:>12}   times faster")
    for name, row in rows.items():
        before, after, ratio = row[PLAIN], row[OURS], row["ratio"]
        text = "-" if before is None else f"{before:.2f} s"
        times = ""
        if isinstance(ratio, Mapping):
            times = f"   {ratio['median']:.2f} ({ratio['lowest']:.2f} to {ratio['highest']:.2f})"
        print(f"{name:22}{text:>26}{f'{after:.2f} s':>12}{times}")


def main() -> int:
    """Runs both in turn; the order changes from round to round."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=60, help="of each clip")
    parser.add_argument("--model", help="identifier or folder (default: the shipped one)")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    model = load_model(chosen.model, "cpu")
    network = plain_network(model)
    plain: list[Seconds] = []
    ours: list[Seconds] = []
    with tempfile.TemporaryDirectory() as folder:
        paths = write_clips(Path(folder), chosen.frames)
        # Once each to warm up.
        run_plain(paths[:1], network, model)
        for turn in range(max(1, chosen.rounds)):
            runs = [
                lambda: plain.append(run_plain(paths, network, model)),
                lambda turn=turn: ours.append(run_study(paths, model, Path(folder) / f"report-{turn}")),
            ]
            for run in runs if turn % 2 == 0 else reversed(runs):
                run()
    rows = summary(plain, ours)
    size = {"clips": len(VIEWS), "frames": chosen.frames, "rounds": len(ours), "model": model.card.id}
    if chosen.json:
        print(json.dumps({**size, "seconds": rows}, indent=2))
        return 0
    print(f"{len(VIEWS)} simulated clips x {chosen.frames} frames, model {model.card.id}, {len(ours)} rounds")
    print_summary(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
