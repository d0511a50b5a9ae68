"""The demonstration: a simulated heart in two views and one real cine, outlined, measured, and reported.

The clips go the way of any clip: they are read from DICOM files, and nothing of the truth is known to the model. The
shipped model is a demonstration, and everything written here says so.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .clips import ClipResult, analyze_clip
from .errors import EchoApexError, MeasureError
from .measure.biplane import measure_biplane
from .measure.types import Measurement
from .output import plain, print_table, say
from .report import ReportContent, Truth, TruthValue, write_report
from .report.page import banner
from .report.words import difference, method, number, quantity, unit
from .report.write import JSON_FILE
from .training.scores import dice

if TYPE_CHECKING:
    from .models.store import LoadedModel

SEED = 900_900
"""A seed that training refuses: the model has never seen this heart."""

PRESET = "easy"
VIEWS = ("A4C", "A2C")
REAL_CLIP = "real-A4C"

_REAL_EXAMPLE = "ybr_color"
_SIMULATED_ORIGIN = f"simulated by EchoApex, preset {PRESET}, seed {SEED}"
_REAL_ORIGIN = "a test file of pydicom (MIT license), patient unknown; its view was named A4C by us, by eye"
_SHORT = ("LVEF", "LVEDV", "LVESV")


def run_demo(out: str | Path = "demo-output", *, as_text: bool = True) -> dict[str, Any]:
    """Simulates A4C and A2C of one heart, adds pydicom's real A4C cine, analyzes them and writes a report to ``out``.

    Uses the default model. Progress goes to standard error; ``as_text`` prints a short table and the path of the page
    on standard output. Gives back plain data: paths of the report, measurements beside the truth, failures. A clip
    that cannot be analyzed is a failure and stops nothing. Raises `EchoApexError` when there is no usable model, or
    nothing can be written.
    """
    from .models.store import load_model

    folder = Path(out)
    model = load_model()
    say(banner(model.card.simulated_only))
    truth_file = _simulate(folder / "simulated")
    clips, failures = _analyze_all(model, _inputs(folder))
    content = _content(model, clips, failures, truth_file)
    page = write_report(folder, content, progress=say)
    result = _result(content, folder, page)
    if as_text:
        _print(content)
        print(page)
    return result


def _simulate(folder: Path) -> Path:
    from .simulation import write_study

    say(f"simulating one heart in {' and '.join(VIEWS)} (about half a minute)")
    written = write_study(folder, SEED, list(VIEWS), PRESET, {})
    return next(path for path in written if path.suffix == ".json")


def _inputs(folder: Path) -> list[tuple[str, str, Path, str]]:
    """Identifier, view, file and origin of each clip."""
    from pydicom.examples import get_path

    real = folder / "real" / f"{REAL_CLIP}.dcm"
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(get_path(_REAL_EXAMPLE), real)
    except OSError as error:
        raise EchoApexError("The real clip cannot be written", value=error.strerror, file=real) from None
    simulated = [(f"simulated-{view}", view, folder / "simulated" / f"{view}.dcm", _SIMULATED_ORIGIN) for view in VIEWS]
    return [*simulated, (REAL_CLIP, "A4C", real, _REAL_ORIGIN)]


def _analyze_all(
    model: LoadedModel, inputs: Iterable[tuple[str, str, Path, str]]
) -> tuple[list[ClipResult], list[EchoApexError]]:
    clips: list[ClipResult] = []
    failures: list[EchoApexError] = []
    for identifier, view, path, origin in inputs:
        say(f"outlining {identifier}")
        try:
            clips.append(analyze_clip(model, path, identifier, view, origin=origin))
        except EchoApexError as refusal:
            failures.append(refusal)
    failures += [clip.refusal for clip in clips if clip.refusal is not None]
    still = [clip.cine.path for clip in clips if clip.lv is not None and not clip.lv.beats]
    failures += [MeasureError("No beat was found, so there is no ejection fraction", file=path) for path in still]
    return clips, failures


def _content(
    model: LoadedModel, clips: list[ClipResult], failures: list[EchoApexError], truth_file: Path
) -> ReportContent:
    biplane, refusals = _biplane(clips)
    for refusal in (*failures, *refusals):
        say(str(refusal))
    measurements = (*biplane, *(item for clip in clips if clip.lv is not None for item in clip.lv.measurements))
    return ReportContent(
        title="EchoApex demonstration",
        model=model.card,
        clips=tuple(clips),
        measurements=measurements,
        failures=(*failures, *refusals),
        truth=read_truth(truth_file, clips),
    )


def _biplane(clips: list[ClipResult]) -> tuple[tuple[Measurement, ...], tuple[EchoApexError, ...]]:
    pair = [clip.lv for view in VIEWS for clip in clips if clip.cine.simulated and clip.view == view]
    if len(pair) != len(VIEWS) or pair[0] is None or pair[1] is None:
        return (), ()  # what is missing is among the failures already
    try:
        return measure_biplane(pair[0], pair[1]), ()
    except EchoApexError as refusal:
        return (), (refusal,)


def read_truth(file: Path, clips: Iterable[ClipResult]) -> Truth:
    """What ``truth.json`` and the true label maps beside it know about the simulated ``clips``.

    The true values are those of the heart itself (method ``direct``), not of a formula applied to true outlines.
    """
    known = json.loads(file.read_text(encoding="utf-8"))
    edv, esv = known["LVEDV_ml"], known["LVESV_ml"]
    values = (
        TruthValue("LVEF", "direct", known["LVEF_percent"], "%"),
        TruthValue("LVEDV", "direct", edv, "mL"),
        TruthValue("LVESV", "direct", esv, "mL"),
        TruthValue("LVSV", "direct", edv - esv, "mL"),
        TruthValue("HR", "direct", known["heart_rate"], "1/min"),
    )
    simulated = {clip.view: clip for clip in clips if clip.cine.simulated}
    volumes = {item["view"]: np.array(item["LV_volume_ml"], np.float64) for item in known["clips"]}
    return Truth(
        values,
        {clip.id: volumes[view] for view, clip in simulated.items()},
        {
            clip.id: _dice(file.with_name(f"{view}-truth.nrrd"), known["labels"], clip)
            for view, clip in simulated.items()
        },
    )


def _dice(file: Path, values: dict[str, int], clip: ClipResult) -> dict[str, float]:
    """Dice with the true outline of each structure, mean over the frames."""
    import SimpleITK as sitk

    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(file)))
    scores = {}
    for name, item in clip.segmentations.items():
        if name in values:
            true = labels == values[name]
            scores[name] = float(np.mean([dice(mask, frame) for mask, frame in zip(item.masks, true, strict=True)]))
    return scores


def _result(content: ReportContent, folder: Path, page: Path) -> dict[str, Any]:
    result = {
        "notice": banner(content.model.simulated_only),
        "model": content.model.id,
        "simulated": content.simulated,
        "report": folder / JSON_FILE,
        "html": page,
        "measurements": [_measured(content, item) for item in content.measurements],
        "dice": None if content.truth is None else content.truth.dice,
        "failures": [failure.as_failure() for failure in content.failures],
    }
    return dict(plain(result))


def _measured(content: ReportContent, item: Measurement) -> dict[str, Any]:
    truth = content.truth_of(item)
    return {
        "name": item.name,
        "method": item.method,
        "clips": list(dict.fromkeys(source.clip for source in item.sources)),
        "value": item.value,
        "unit": item.unit,
        "truth": None if truth is None else truth.value,
        "confidence": item.confidence,
    }


def _print(content: ReportContent) -> None:
    header = ("quantity", "estimate", "truth", "difference", "method", "clips")
    chosen = [item for item in content.measurements if item.name in _SHORT and "length" not in item.method]
    chosen.sort(key=lambda item: (_SHORT.index(item.name), item.method != "biplane"))
    print_table(header, [_printed(content, item) for item in chosen])
    print(banner(content.model.simulated_only))


def _printed(content: ReportContent, item: Measurement) -> tuple[str, ...]:
    truth = content.truth_of(item)
    true = None if truth is None else truth.value
    return (
        quantity(item.name),
        f"{number(item.value)} {unit(item.unit)}",
        "-" if true is None else f"{number(true)} {unit(item.unit)}",
        difference(item.value, true),
        method(item.method),
        ", ".join(dict.fromkeys(source.clip for source in item.sources)),
    )
