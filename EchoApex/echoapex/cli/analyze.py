"""The verb ``analyze``: whole studies, unattended."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cine import Flip
from ..console import print_json, print_line, say, tell_event
from ..errors import EchoApexError, NotAClipError
from ..measure.body_surface_area import BsaFormula
from ..patient import Patient, Sex
from .shared_options import add_model_options, add_verb, count, load_chosen, positive

if TYPE_CHECKING:
    from ..study.batch_analysis import WrittenStudy
    from ..study.study_progress import Event


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    parser = add_verb(table, "analyze", analyze, "read, measure and report whole studies, unattended")
    parser.add_argument("paths", type=Path, nargs="+", metavar="FILE|DIR")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the report is written")
    patient = parser.add_argument_group("the patient", "of a single study; goes before what the files say")
    patient.add_argument("--sex", choices=[sex.value for sex in Sex], help="grades need it")
    patient.add_argument("--age", type=positive, help="in years; grades need it")
    patient.add_argument("--height", type=positive, help="in cm; indices need it")
    patient.add_argument("--weight", type=positive, help="in kg; indices need it")
    formulas = [formula.name.lower() for formula in BsaFormula]
    parser.add_argument("--bsa-method", choices=formulas, default="dubois", help="body surface area (default: dubois)")
    text = "the view of a clip, instead of what is recognized; may be given again"
    parser.add_argument("--views", type=_view, action="append", default=[], metavar="FILE=VIEW", help=text)
    text = "turns a clip before it is looked at: vertical (apex down), horizontal, or both; may be given again"
    parser.add_argument("--flip", type=_flip, action="append", default=[], metavar="FILE=HOW", help=text)
    parser.add_argument(
        "--ignore-color", action="store_true", help="measure clips with color flow as if they were gray"
    )
    text = "corrections by hand, as the panels write them; they stand, whatever is found"
    parser.add_argument("--corrections", type=Path, metavar="FILE.json", help=text)
    parser.add_argument("--no-scene", action="store_true", help="write no scene.mrb for 3D Slicer")
    machines = parser.add_argument_group("for programs that start this one")
    text = "tell on standard error what happens as JSON, one event a line, instead of in words"
    machines.add_argument("--progress-json", action="store_true", help=text)
    machines.add_argument("--parent", type=count, metavar="PID", help="end when this process has ended")
    add_model_options(parser)


def analyze(chosen: Namespace) -> bool:
    """Analyzes every study among files and folders and writes a report of each; false when something failed."""
    from .. import io
    from ..analysis.corrections_file import read_corrections
    from ..report.terminal_summary import print_numbers
    from ..study.batch_analysis import StudyOptions, write_studies
    from ..study.study_progress import in_words

    patient = _patient(chosen)
    corrections = None if chosen.corrections is None else read_corrections(chosen.corrections)
    io.start_reading()  # while the model loads
    model = load_chosen(chosen)
    formula = BsaFormula[chosen.bsa_method.upper()]
    views, flips = _once(chosen.views, "view"), _once(chosen.flip, "flip")
    options = StudyOptions(
        *(patient, views, flips, formula),
        scene=not chosen.no_scene,
        ignore_color=chosen.ignore_color,
        corrections=corrections,
    )
    progress = _tell_event if chosen.progress_json else in_words(say)
    records, failures = [], []
    left_out: list[NotAClipError] = []
    studies = write_studies(
        chosen.paths, model, chosen.out, progress=progress, options=options, left_out=left_out.append
    )
    for written in studies:
        if isinstance(written, EchoApexError):
            failures.append(written.as_failure())
            continue
        records.append(_analyzed(written))
        if not chosen.json:
            print_line(written.report.id)
            print_numbers(written.report)
            print_line(written.page)
    if left_out and not records and not failures:
        say("nothing was analyzed: no file is a clip")
    if chosen.json:
        others = [reason.as_failure() for reason in left_out]
        print_json({"studies": records, "failures": failures, "left_out": others})
    return not failures and not any(record["failures"] for record in records)


def _tell_event(event: Event) -> None:
    tell_event(event.record)


def _patient(chosen: Namespace) -> Patient:
    sex = None if chosen.sex is None else Sex(chosen.sex)
    return Patient(sex, chosen.age, chosen.height, chosen.weight)


def _analyzed(written: WrittenStudy) -> dict[str, Any]:
    from ..report.report_folder import JSON_FILE, TABLE_FILE

    report = written.report
    return {
        "study": report.id,
        "folder": written.folder,
        "html": written.page,
        "report": written.folder / JSON_FILE,
        "csv": written.folder / TABLE_FILE,
        "scene": written.scene.path,
        "scene_message": written.scene.message or None,
        "clips": [{"id": clip.id, "file": clip.cine.path, "view": clip.view} for clip in report.clips],
        "measurements": report.measurements,
        "failures": [failure.as_failure() for failure in report.failures],
        "not_measured": [reason.as_failure() for reason in report.not_measured],
    }


def _once(given: Sequence[tuple[str, str]], what: str) -> dict[str, str]:
    """What was given to each file; raises `EchoApexError` where that is two different things."""
    found: dict[str, str] = {}
    for file, value in given:
        if found.setdefault(file, value) != value:
            raise EchoApexError(f"A clip has one {what}", value=f"{found[file]} and {value}", file=file)
    return found


def _view(text: str) -> tuple[str, str]:
    """``FILE=VIEW``."""
    file, found, view = text.rpartition("=")
    if not (file and found and view):
        raise ArgumentTypeError(f"FILE=VIEW is needed, for example clip.dcm=A4C (found: {text})")
    return file, view


def _flip(text: str) -> tuple[str, str]:
    """``FILE=vertical``, ``FILE=horizontal`` or ``FILE=both``."""
    file, found, flip = text.rpartition("=")
    if not (file and found and flip in tuple(Flip)):
        raise ArgumentTypeError(f"FILE={' or FILE='.join(Flip)} is needed (found: {text})")
    return file, flip
