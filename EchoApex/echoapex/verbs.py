"""What each verb of the command line does: calls the engine's functions and prints what they return.

A verb takes the parsed arguments and returns whether everything was done; refusals are `EchoApexError`. The engine is
imported inside the verbs, so that ``--help`` is instant and ``info`` works without torch.
"""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import EchoApexError
from .measure.body import BsaFormula
from .output import print_json, print_record, print_table, say
from .patient import Patient, Sex
from .prompts import Prompt
from .structures import PROMPTED, Structure, find_structure

if TYPE_CHECKING:
    from .cine import Cine
    from .models.library import ModelEntry
    from .models.store import LoadedModel
    from .segmenting import Segmentation
    from .study import WrittenStudy

HEART_OPTIONS = {
    "ef": "ejection fraction in %%",
    "edv": "end-diastolic volume in mL",
    "ivsd": "thickness of the septum in end-diastole in mm",
    "lvidd": "inner diameter of the left ventricle in end-diastole in mm",
    "lvpwd": "thickness of the posterior wall in end-diastole in mm",
}


def info(chosen: Namespace) -> bool:
    """Describes one file, or every clip of a folder; a clip that cannot be read does not stop the others."""
    from . import io

    if not chosen.path.is_dir():
        record = io.describe(chosen.path)
        print_json(record) if chosen.json else print_record(record)
        return True
    paths = io.list_clips(chosen.path)
    if not paths:
        raise EchoApexError("This folder holds no file that may be a clip", file=chosen.path)
    clips, failures = _describe_all(paths)
    if chosen.json:
        print_json({"clips": clips, "failures": failures})
    else:
        for record in clips:
            print_record(record)
            print()
    say(f"{len(clips)} read, {len(failures)} not")
    return not failures


def _describe_all(paths: list[Path]) -> tuple[list[dict[str, Any]], list[dict[str, object]]]:
    from . import io

    clips: list[dict[str, Any]] = []
    failures: list[dict[str, object]] = []
    for path in paths:
        try:
            clips.append(io.describe(path))
        except EchoApexError as refusal:
            say(str(refusal))
            failures.append({"file": str(path)} | {k: v for k, v in refusal.as_failure().items() if k != "file"})
    return clips, failures


def simulate(chosen: Namespace) -> bool:
    """Writes a simulated study with its truth."""
    from . import simulation

    overrides = {name: getattr(chosen, name) for name in HEART_OPTIONS if getattr(chosen, name) is not None}
    say(f"simulating one heart in {', '.join(chosen.views)}")
    paths = simulation.write_study(
        chosen.out, chosen.seed, chosen.views, chosen.preset, overrides, pathology=chosen.pathology
    )
    if chosen.json:
        record = {"out": chosen.out, "seed": chosen.seed, "preset": chosen.preset, "pathology": chosen.pathology}
        print_json(record | {"files": paths})
    else:
        for path in paths:
            print(path)
    return True


def analyze(chosen: Namespace) -> bool:
    """Analyzes every study among files and folders and writes a report of each; false when something failed."""
    from .report.terminal import print_numbers
    from .study import StudyOptions, write_studies

    patient = _patient(chosen)
    model = _model(chosen)
    formula = BsaFormula[chosen.bsa_method.upper()]
    options = StudyOptions(patient, dict(chosen.views), formula, scene=not chosen.no_scene)
    records, failures = [], []
    for written in write_studies(chosen.paths, model, chosen.out, progress=say, options=options):
        if isinstance(written, EchoApexError):
            say(str(written))
            failures.append(written.as_failure())
            continue
        records.append(_analyzed(written))
        if not chosen.json:
            print(written.report.id)
            print_numbers(written.report)
            print(written.page)
    if chosen.json:
        print_json({"studies": records, "failures": failures})
    return not failures and not any(record["failures"] for record in records)


def _model(chosen: Namespace) -> LoadedModel:
    """The chosen model; says what it is fit for, and where it computes."""
    from .models.store import load_model
    from .report.page import banner

    model = load_model(chosen.model, chosen.device)
    say(banner(model.card.simulated_only))
    say(f"device: {model.device_reason}")
    return model


def _patient(chosen: Namespace) -> Patient:
    sex = None if chosen.sex is None else Sex(chosen.sex)
    return Patient(sex, chosen.age, chosen.height, chosen.weight)


def _analyzed(written: WrittenStudy) -> dict[str, Any]:
    from .report.write import JSON_FILE, TABLE_FILE

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


def segment(chosen: Namespace) -> bool:
    """Outlines one structure through a cine and writes the masks."""
    # First the prompt and where the masks go: wrong usage is said before anything is loaded or computed.
    _check_prompt(chosen)
    if not chosen.out.parent.is_dir():
        raise EchoApexError("The folder for the masks does not exist", file=chosen.out.parent)
    from . import io

    io.check_masks_file(chosen.out)
    cine = io.read_cine(chosen.cine)
    model = _model(chosen)
    prompt = _prompt(chosen, model)
    frame = chosen.frame or 0
    for text in cine.warnings:
        say(text)
    structure = prompt.structure or PROMPTED
    say(f"segmenting {structure} in {cine.frame_count} frames")
    found = _segmented(model, cine, prompt, frame)
    io.write_masks(chosen.out, found.masks, cine)
    areas, confidence = found.masks.sum(axis=(1, 2)), found.confidence
    missing = int((areas == 0).sum())
    if missing:
        say(f"{structure} was not found in {missing} of {cine.frame_count} frames")
    say(f"the masks are in {chosen.out}")
    if chosen.json:
        record = {"file": chosen.cine, "model": model.card.id, "structure": structure, "masks": chosen.out}
        print_json(record | {"confidence": confidence, "area_px": areas})
    else:
        rows = zip(range(cine.frame_count), areas, confidence, strict=True)
        print_table(("frame", "area_px", "confidence"), [(str(k), str(a), f"{c:.3f}") for k, a, c in rows])
    return True


def _segmented(model: LoadedModel, cine: Cine, prompt: Prompt, frame: int) -> Segmentation:
    """As a panel does it: named structures in every frame, what is pointed at carried from its frame to the others."""
    import numpy as np

    from .segmenting import Segmentation, segment_cine
    from .session import Session

    if not prompt.points and prompt.box is None:
        return segment_cine(model, cine, prompt)
    structure, session = prompt.structure or PROMPTED, Session(model, cine)
    session.segment(frame, prompt, structure)
    session.propagate(structure)
    entries = [session.entry(index, structure) for index in range(cine.frame_count)]
    return Segmentation(session.masks(structure), np.array([entry.confidence for entry in entries], np.float32))


def _check_prompt(chosen: Namespace) -> None:
    pointed = bool(chosen.point) or chosen.box is not None
    if chosen.text is None and chosen.structure is None and not pointed:
        chosen.parser.error("give --structure, --text, --point or --box")
    if chosen.frame is not None and not pointed:
        chosen.parser.error("--frame goes with --point or --box: a structure alone is found in every frame by itself")


def _prompt(chosen: Namespace, model: LoadedModel) -> Prompt:
    structure = _structure(chosen, model)
    named = None if structure is None else structure.id
    return Prompt(structure=named, points=tuple(chosen.point), box=chosen.box)


def _structure(chosen: Namespace, model: LoadedModel) -> Structure | None:
    """What is asked for by name: free text goes through the model's text encoder where it has one."""
    if chosen.text is not None:
        from .models.text import resolve_structure

        return resolve_structure(chosen.text, model)
    return None if chosen.structure is None else find_structure(chosen.structure)


def evaluate(chosen: Namespace) -> bool:
    """Scores a model and prints its tables: each metric with its interval and what a constant predictor gets."""
    from . import evaluation
    from .evaluation.table import cells

    tables = evaluation.evaluate(
        chosen.model,
        chosen.task,
        chosen.data,
        chosen.device,
        say=say,
        save=chosen.save,
        page=chosen.page,
        work=chosen.work,
        processes=chosen.processes,
        held_out=chosen.held_out,
    )
    if chosen.json:
        print_json(tables)
        return True
    for task, metrics in tables.items():
        print(task)
        rows = [(name, *cells(score)) for name, score in metrics.items()]
        print_table(("metric", "value", "95 % interval", "constant predictor"), rows)
    return True


def models_list(chosen: Namespace) -> bool:
    """Lists the installed models; false when one of them is damaged."""
    from .models import library

    entries = library.list_models()
    damaged = [entry for entry in entries if entry.card is None]
    if chosen.json:
        print_json(entries)
    else:
        print_table(("", "model", "knows", "trained on", "folder"), [_model_row(entry) for entry in entries])
    for entry in damaged:
        say(entry.problem)
    return not damaged


def _model_row(entry: ModelEntry) -> tuple[str, str, str, str, str]:
    mark = "*" if entry.default else ""
    if entry.card is None:
        return mark, entry.id, "damaged", "-", str(entry.folder)
    data = "simulated cines only" if entry.card.simulated_only else entry.card.training.data
    return mark, entry.id, " ".join(entry.card.structures), data, str(entry.folder)


def models_show(chosen: Namespace) -> bool:
    """Prints the card of a model."""
    from .models import card, library

    folder = library.find_model(chosen.model)
    found = card.read_card(folder)
    content: dict[str, Any] = json.loads(found.to_json())
    if chosen.json:
        print_json(content)
        return True
    # Thousands of figures: for machines, and on the page that lies beside the card.
    told = {data: f"{sum(map(len, tables.values()))} metrics" for data, tables in content.pop("scores").items()}
    print_record(content)
    page = folder / card.PAGE_FILE
    where = f"{page}, and with --json" if page.is_file() else "with --json"
    print("\n".join(f"scores on {data}: {count}, {where}" for data, count in told.items()) or "scores: none")
    return True


def doctor(chosen: Namespace) -> bool:
    """Checks the installation; false when something needed is missing or does not work."""
    from .doctor import examine

    checks = examine(chosen.device)
    if chosen.json:
        print_json(checks)
        return all(check.ok for check in checks)
    for check in checks:
        advice = "" if check.ok else f"\n      {check.advice}"
        print(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.found}{advice}")
    return all(check.ok for check in checks)


def demo(chosen: Namespace) -> bool:
    """Runs the demonstration; false when a clip could not be analyzed."""
    from .demo import run_demo

    result = run_demo(chosen.out, as_text=not chosen.json)
    if chosen.json:
        print_json(result)
    return not result["failures"]


def serve(chosen: Namespace) -> bool:
    """Answers what is asked on standard input; false where no model can be loaded."""
    from .serving import serve as answer

    return answer(chosen.model, chosen.device)
