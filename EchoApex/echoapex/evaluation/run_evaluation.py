"""Scores a model on simulated patients, beside the best constant predictor on the same patients.

Pictures, sector, times and scale come straight from the simulator: reading files and finding the sector in them are
not part of what is scored. Everything else is asked the way a study or a user asks it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..console import plain
from ..errors import EchoApexError, ModelError
from ..models.model_card import PAGE_FILE
from ..simulation.data_source import SimulatedData
from ..simulation.presets import TEST_SEEDS
from .page.figures import figures
from .page.html_page import check_page, write_page
from .parallel_patients import ModelAt, Plan, examine_patients
from .tables.carrying import carrying_table
from .tables.ef_walls_beats import beats_table, ef_table, walls_table
from .tables.prompts import prompts_table
from .tables.score_rows import Table, Tables
from .tables.segmentation import segmentation_table
from .tables.views import views_table
from .trial_cache_key import trials_key
from .trial_types import Findings
from .trials.all_tasks import HELD_OUT, TASKS, possible_tasks
from .trials.evaluated_model import ModelSubject, Subject
from .trials.simulated_patients import STANDARD, Acquisition, known_tissue
from .trials.text_phrases import try_phrases

if TYPE_CHECKING:
    from ..models.model_loading import LoadedModel

Say = Callable[[str], None]


@dataclass(frozen=True)
class Evaluation:
    """The tables, and the trials of all patients by task that they are made from."""

    tables: Tables
    found: Mapping[str, Sequence[Findings]]


def evaluate(
    model: str | Path | None,
    task: str,
    data: str,
    device: str = "auto",
    *,
    say: Say | None = None,
    save: bool = False,
    page: Path | None = None,
    work: Path | None = None,
    processes: int = 1,
    held_out: str | None = None,
    acquisition: Acquisition = STANDARD,
) -> Tables:
    """``{task: {metric: {"value", "ci", "constant"}}}`` of a model (identifier, folder or None for the default).

    ``task`` is one of `TASKS` or ``all``: all that the model has heads for. ``save`` writes the tables into the model's
    card and the page beside it, and needs test seeds; ``page`` writes the page elsewhere. In ``work`` the trials of
    each patient are kept, so that the same call continues after an interruption; without it they are lost with it.
    ``held_out`` is a structure kept out of training (without it those of `HELD_OUT` that the model does not name).
    Raises `EchoApexError` for unknown tasks or data, and `ModelError` for a task that the model has no head for.
    """
    from ..models.model_loading import check_scores, load_model, record_scores

    say = say or _silent
    source = SimulatedData.parse(data)
    _check(task, source, save, processes)
    if not source.unseen:
        say(f"the model may have been trained on these hearts ({_seeds(source)}); only {_KEPT}, are surely new to it")
    loaded = load_model(model, device)
    subject = ModelSubject(loaded)
    tasks, kept_out = _tasks(task, subject, loaded.card.id, say), _held_out(held_out, subject)
    file = page or (loaded.folder / PAGE_FILE if save else None)
    if file is not None:
        check_page(file, loaded.card)
    if save:
        check_scores(loaded)
    with nullcontext(work) if work else tempfile.TemporaryDirectory(prefix="echoapex-evaluate-") as folder:
        added = loaded.added_views.card if loaded.added_views else None
        key = trials_key(loaded.card, source.preset, kept_out, acquisition, added)
        plan = Plan(source.preset, source.seeds, tasks, kept_out, Path(folder), key, acquisition)
        made = evaluate_subject(subject, plan, ModelAt(loaded.folder, device), processes, say)
        _publish(loaded, source, made, file, say)
    if save:
        record_scores(loaded, str(source), dict(plain(made.tables)))
    return made.tables


def evaluate_subject(subject: Subject, plan: Plan, copied: ModelAt | None, processes: int, say: Say) -> Evaluation:
    """Examines the patients of ``plan`` and makes the tables; the trials stay readable as long as the work folder."""
    examine_patients(plan, subject, copied, processes, say)
    cache = plan.cache
    found = {task: [cache.read(seed, task) for seed in plan.seeds] for task in plan.tasks}
    return Evaluation({task: _table(task, patients, subject) for task, patients in found.items()}, found)


def _table(task: str, patients: Sequence[Findings], subject: Subject) -> Table:
    if task == "segmentation":
        return segmentation_table(patients, subject.structures)
    if task == "views":
        return views_table(patients, subject.views, subject.view_head, subject.added_views)
    if task == "prompts":
        return prompts_table(patients, try_phrases(subject))
    makers = {"ef": ef_table, "walls": walls_table, "beats": beats_table, "carrying": carrying_table}
    return makers[task](patients)


_KEPT = f"seeds {TEST_SEEDS.start} to {TEST_SEEDS.stop - 1}, which training refuses"


def _seeds(source: SimulatedData) -> str:
    return f"{source.seeds[0]} to {source.seeds[-1]}"


def _check(task: str, source: SimulatedData, save: bool, processes: int) -> None:
    """Scores on hearts that a model may have been trained on are never kept on a card."""
    if task not in (*TASKS, "all"):
        raise EchoApexError(f"A task is one of {', '.join(TASKS)} or all", value=task)
    if processes < 1:
        raise EchoApexError("Patients are examined by one process or more", value=processes)
    if save and not source.unseen:
        raise EchoApexError(f"Scores on a card come from {_KEPT}", value=_seeds(source))


def _silent(_: str) -> None:
    """Says nothing."""


def _tasks(task: str, subject: Subject, model: str, say: Say) -> tuple[str, ...]:
    possible = possible_tasks(subject)
    if task == "all":
        for left_out in (name for name in TASKS if name not in possible):
            say(f"{left_out} is not scored: model {model} has no head for it")
        return possible
    if task not in possible:
        raise ModelError(f"This model has no head for {task}", value=model)
    return (task,)


def _held_out(name: str | None, subject: Subject) -> tuple[str, ...]:
    """The structures that count as kept out of training."""
    if name is None:
        return tuple(structure for structure in HELD_OUT if structure not in subject.structures)
    if known_tissue(name) is None:
        raise EchoApexError("A held-out structure is one that is simulated, such as AO", value=name)
    if name in subject.structures:
        raise EchoApexError("A held-out structure is none that the model was taught by name", value=name)
    return (name,)


def _publish(loaded: LoadedModel, source: SimulatedData, made: Evaluation, file: Path | None, say: Say) -> None:
    if file is not None:
        write_page(file, loaded.card, str(source), made.tables, figures(made.found))
        say(f"page written: {file}")
