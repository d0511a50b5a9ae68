"""The verb ``runs``: the runs of pretraining there are, where each stands, and what can be done with one."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import print_json, print_line, print_record, print_table, say
from ..errors import EchoApexError
from ..models.device import DEVICES
from .pretrain import tell_end
from .shared_options import add_verb, positive

if TYPE_CHECKING:
    from ..training.run_watching import RunReport

_CHECKPOINTS = ("last", "best")
_STOP_S = 600.0


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    actions = table.add_parser("runs", help="list, show, stop, resume, export and remove runs of pretraining")
    actions = actions.add_subparsers(metavar="ACTION", required=True)
    listed = add_verb(actions, "list", runs_list, "list the runs in a folder")
    listed.add_argument("folder", type=Path, nargs="?", default=Path(), metavar="FOLDER", help="default: this folder")
    _add_run(add_verb(actions, "show", runs_show, "show where a run stands"))
    stop = add_verb(actions, "stop", runs_stop, "ask a run to stop after its step, and wait until it has")
    _add_run(stop)
    stop.add_argument("--wait", type=positive, default=_STOP_S, metavar="SECONDS", help="at most (default: 600)")
    text = "go on with a run that has ended before its last step"
    resume = add_verb(actions, "resume", runs_resume, text, ends_itself=True)
    _add_run(resume)
    resume.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (default: auto)")
    export = add_verb(actions, "export", runs_export, "export the backbone of a checkpoint, also while the run goes on")
    _add_run(export)
    export.add_argument("--checkpoint", choices=_CHECKPOINTS, default="last", help="which one (default: last)")
    export.add_argument("--out", type=Path, metavar="FOLDER", help="default: exported/backbone in the run")
    _add_run(add_verb(actions, "remove", runs_remove, "delete what a run has written"))


def _add_run(parser: Any) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")


def runs_list(chosen: Namespace) -> bool:
    """Lists runs; false where the files of one are damaged."""
    from ..training.run_watching import find_runs, report_on

    reports, refusals = [], []
    for run in find_runs(chosen.folder):
        try:
            reports.append(report_on(run))
        except EchoApexError as refusal:
            refusals.append(refusal)
    if chosen.json:
        print_json({"runs": [asdict(one) for one in reports], "failures": [one.as_failure() for one in refusals]})
    else:
        print_table(("run", "method", "phase", "step", "heartbeat", "last look"), [_row(one) for one in reports])
    for one in refusals:
        say(str(one))
    return not refusals


def _row(report: RunReport) -> tuple[str, ...]:
    look = next(iter(report.looks), {})
    seen = "  ".join(f"{name} {value:.3f}" for name, value in look.items() if name != "step")
    where = f"{report.step}/{report.steps}"
    return str(report.run), report.method, report.phase, where, _ago(report), seen or "-"


def _ago(report: RunReport) -> str:
    from ..training.run_loop import duration

    return "-" if report.heartbeat_age_s is None else f"{duration(report.heartbeat_age_s)} ago"


def runs_show(chosen: Namespace) -> bool:
    """Prints where a run stands."""
    from ..training.run_watching import report_on

    _show(report_on(chosen.run), chosen)
    return True


def _show(report: RunReport, chosen: Namespace) -> None:
    record = asdict(report)
    if chosen.json:
        print_json(record)
        return
    looks, facts = record.pop("looks"), record.pop("step_facts")
    age = record.pop("heartbeat_age_s")
    print_record(
        {**record, "heartbeat": record["heartbeat"] if age is None else f"{record['heartbeat']}, {_ago(report)}"}
    )
    for title, lines in (("last step", [facts] if facts else []), ("look", looks)):
        for line in lines:
            print_line(f"{title}: " + "  ".join(f"{name} {value:.4g}" for name, value in line.items()))


def runs_stop(chosen: Namespace) -> bool:
    """Stops a run."""
    from ..training.run_watching import stop_run

    _show(stop_run(chosen.run, chosen.wait, say), chosen)
    return True


def runs_resume(chosen: Namespace) -> bool:
    """Goes on with a run: with its own recipe and data."""
    from ..training.run_folder import RECIPE_FILE
    from ..training.run_watching import report_on
    from ..training.start_pretraining import pretrain

    data = report_on(chosen.run).data
    done = pretrain(chosen.run / RECIPE_FILE, data, chosen.run, resume=True, device=chosen.device, say=say)
    return tell_end(done, as_json=chosen.json)


def runs_export(chosen: Namespace) -> bool:
    """Exports a backbone."""
    from ..training.run_export import export_backbone

    folder = export_backbone(chosen.run, chosen.checkpoint, chosen.out)
    _tell(chosen, run=chosen.run, checkpoint=chosen.checkpoint, exported=folder)
    return True


def runs_remove(chosen: Namespace) -> bool:
    """Deletes what a run wrote, and tells what was left."""
    from ..training.run_watching import remove_run

    left = remove_run(chosen.run)
    _tell(chosen, removed=chosen.run, left=left)
    return True


def _tell(chosen: Namespace, **facts: object) -> None:
    print_json(facts) if chosen.json else print_record(facts)
