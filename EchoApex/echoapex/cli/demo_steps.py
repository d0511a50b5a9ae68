"""The demonstration: a whole simulated study of a hypertrophied heart, and one real cine, analyzed and reported.

The clips go the way of any clip: they are read from DICOM files by `analyze_study`, and nothing of the truth is known
to the model. The shipped model is a demonstration, and everything written here says so.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..analysis.clip_analysis import ClipResult
from ..console import plain, print_line, say
from ..errors import EchoApexError
from ..evaluation.bootstrap_scores import dice
from ..inference.view_outlines_landmarks import ModelObserver
from ..io.output_folder import OutputFolder
from ..measure.lv_mass import lv_mass, relative_wall_thickness
from ..measure.measurement import Measurement
from ..patient import Patient, Sex
from ..report import StudyReport, Truth, TruthValue
from ..report.page import banner
from ..report.report_folder import JSON_FILE, report_output
from ..report.terminal_summary import print_numbers
from ..simulation.simulated_study import study_output
from ..study.batch_analysis import StudyOptions, analyze_study, write_study
from ..study.study_progress import in_words

if TYPE_CHECKING:
    from ..models.model_loading import LoadedModel
    from ..study.batch_analysis import Observe

SEED = 900_900
"""A seed that training refuses: the model has never seen this heart."""

PRESET = "easy"
PATHOLOGY = "concentric_hypertrophy"
VIEWS = ("A4C", "A2C", "PLAX")
PATIENT = Patient(Sex.MALE, 60.0, 176.0, 78.0)
"""Whose heart the simulated one is said to be, so that indices and grades are shown: nobody's (our choice)."""

_REAL_EXAMPLE = "ybr_color"
_REAL_FILE = "real-A4C.dcm"
_SIMULATED_ORIGIN = f"simulated by EchoApex, preset {PRESET}, seed {SEED}, {PATHOLOGY.replace('_', ' ')}"
_REAL_ORIGIN = "a test file of pydicom (MIT license), patient unknown; its view was named A4C by us, by eye"


def run_demo(
    out: str | Path = "demo-output", *, as_text: bool = True, observe: Observe = ModelObserver, scene: bool = True
) -> dict[str, Any]:
    """Simulates a study of one heart, adds pydicom's real A4C cine, analyzes both and writes a report of each.

    The simulated study is reported in ``out``, the real cine in ``out/real``. Uses the default model; ``observe`` and
    ``scene`` are as in `StudyOptions`. Progress goes to standard error; ``as_text`` prints short tables and the paths
    of the pages on standard output. Gives back plain data: paths of the reports, measurements beside the truth,
    failures. A clip that cannot be analyzed is a failure and stops nothing. Raises `EchoApexError` when there is no
    usable model, or nothing can be written.
    """
    from ..models.model_loading import load_model

    folder = Path(out)
    model = load_model()
    say(banner(model.card.simulated_only))
    _try_output(folder)
    with report_output(folder) as output:
        simulated = _simulated(model, _simulate(folder / "simulated"), observe)
        real = _analyze(model, [_copy_real(folder / "real")], _real_options(observe), _REAL_ORIGIN)
        real = replace(real, title="EchoApex demonstration: a real cine")
        results = [_write(simulated, output, scene)]
    with report_output(folder / "real") as output:
        results.append(_write(real, output, scene))
    if as_text:
        for report, result in zip((simulated, real), results, strict=True):
            print_numbers(report)
            print_line(banner(model.card.simulated_only))
            print_line(result["html"])
    failures = [failure for result in results for failure in result["failures"]]
    return {**results[0], "notice": banner(model.card.simulated_only), "real": results[1], "failures": failures}


def _try_output(folder: Path) -> None:
    """Raises `EchoApexError` where anything of the demonstration could not be written: before the work."""
    real = folder / "real"
    for output in (study_output(folder / "simulated", VIEWS), _real_output(real), report_output(real)):
        with output:
            pass


def _simulated(model: LoadedModel, truth_file: Path, observe: Observe) -> StudyReport:
    """The report of the simulated clips beside ``truth_file``, and of nothing else that lies there."""
    clips = [truth_file.with_name(f"{view}.dcm") for view in VIEWS]
    report = _analyze(model, clips, StudyOptions(PATIENT, observe=observe), _SIMULATED_ORIGIN)
    return replace(
        report,
        title="EchoApex demonstration: a simulated study",
        truth=read_truth(truth_file, report.clips),
        notes=(*report.notes, "Sex, age, height and weight are made up for the simulated heart"),
    )


def _real_options(observe: Observe) -> StudyOptions:
    return StudyOptions(views={_REAL_FILE: "A4C"}, observe=observe)


def _simulate(folder: Path) -> Path:
    from .. import simulation

    say(f"simulating one heart in {', '.join(VIEWS)}")
    written = simulation.write_study(folder, SEED, list(VIEWS), PRESET, {}, pathology=PATHOLOGY)
    return next(path for path in written if path.suffix == ".json")


def _copy_real(folder: Path) -> Path:
    from pydicom.examples import get_path

    with _real_output(folder) as output:
        try:
            shutil.copyfile(get_path(_REAL_EXAMPLE), output.staging / _REAL_FILE)
        except OSError as error:
            raise EchoApexError("The real clip cannot be written", value=error.strerror, file=folder) from None
        (file,) = output.publish()
    return file


def _real_output(folder: Path) -> OutputFolder:
    return OutputFolder(folder, "real clip", [_REAL_FILE])


def _analyze(model: LoadedModel, paths: list[Path], options: StudyOptions, origin: str) -> StudyReport:
    (report,) = analyze_study(paths, model, options=options, progress=in_words(say))
    return replace(report, clips=tuple(replace(clip, origin=origin) for clip in report.clips))


def _write(report: StudyReport, output: OutputFolder, with_scene: bool) -> dict[str, Any]:
    written = write_study(report, output, scene=with_scene, progress=in_words(say))
    result = {
        "model": report.model.id,
        "simulated": report.simulated,
        "report": output.target / JSON_FILE,
        "html": written.page,
        "scene": written.scene.path,
        "measurements": [_measured(report, item) for item in report.measurements],
        "dice": None if report.truth is None else report.truth.dice,
        "failures": [failure.as_failure() for failure in report.failures],
        "not_measured": [reason.as_failure() for reason in report.not_measured],
    }
    return dict(plain(result))


def read_truth(file: Path, clips: Iterable[ClipResult]) -> Truth:
    """What ``truth.json`` and the true label maps beside it know about the simulated ``clips``.

    The true values are those of the heart itself (method ``direct``), not of a formula applied to true outlines; mass
    and relative wall thickness are those of its true walls by the formulas that estimates go by (``linear``).
    """
    known = json.loads(file.read_text(encoding="utf-8"))
    simulated = {clip.view: clip for clip in clips if clip.cine.simulated}
    volumes = {item["view"]: np.array(item["LV_volume_ml"], np.float64) for item in known["clips"]}
    return Truth(
        _true_values(known),
        {clip.id: volumes[view] for view, clip in simulated.items() if view in volumes},
        {
            clip.id: _dice(file.with_name(f"{view}-truth.nrrd"), known["labels"], clip)
            for view, clip in simulated.items()
            if view in volumes
        },
    )


def _true_values(known: dict[str, Any]) -> tuple[TruthValue, ...]:
    edv, esv = known["LVEDV_ml"], known["LVESV_ml"]
    septum, inner, posterior, systolic = (known[f"{name}_mm"] for name in ("IVSd", "LVIDd", "LVPWd", "LVIDs"))
    return (
        TruthValue("LVEF", "direct", known["LVEF_percent"], "%"),
        TruthValue("LVEDV", "direct", edv, "mL"),
        TruthValue("LVESV", "direct", esv, "mL"),
        TruthValue("LVSV", "direct", edv - esv, "mL"),
        TruthValue("CO", "direct", (edv - esv) * known["heart_rate"] / 1000.0, "L/min"),
        *(TruthValue(name, "direct", known[f"{name}_mm"], "mm") for name in ("LVLd", "LVLs", "LADs", "AoRootd")),
        TruthValue("IVSd", "direct", septum, "mm"),
        TruthValue("LVIDd", "direct", inner, "mm"),
        TruthValue("LVPWd", "direct", posterior, "mm"),
        TruthValue("LVIDs", "direct", systolic, "mm"),
        TruthValue("FS", "direct", 100 * (inner - systolic) / inner, "%"),
        TruthValue("LVMass", "linear", lv_mass(septum, inner, posterior), "g"),
        TruthValue("RWT", "linear", relative_wall_thickness(posterior, inner), "1"),
        TruthValue("HR", "direct", known["heart_rate"], "1/min"),
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


def _measured(report: StudyReport, item: Measurement) -> dict[str, Any]:
    truth = report.truth_of(item)
    return {
        "name": item.name,
        "method": item.method,
        "clips": list(dict.fromkeys(source.clip for source in item.sources)),
        "value": item.value,
        "unit": item.unit,
        "truth": None if truth is None else truth.value,
        "confidence": item.confidence,
        "grade": item.grade,
        "warnings": item.warnings,
    }
