"""The verb ``info``: what a clip, or each clip of a folder, holds."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from ..console import print_json, print_line, print_record, say
from ..errors import EchoApexError, NotAClipError
from .shared_options import add_verb


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    parser = add_verb(table, "info", info, "show what a clip, or each clip of a folder, holds")
    parser.add_argument("path", type=Path, metavar="FILE|DIR")


def info(chosen: Namespace) -> bool:
    """Describes one file, or every clip of a folder; a clip that cannot be read does not stop the others."""
    from .. import io

    io.start_reading()
    if not io.is_folder(chosen.path):
        record = io.describe(chosen.path)
        print_json(record) if chosen.json else print_record(record)
        return True
    paths, left_out = io.sort_out(chosen.path)
    for line in io.summarize(left_out):
        say(line)
    if not paths and not left_out:
        raise EchoApexError("This folder holds no file that may be a clip", file=chosen.path)
    clips, failures, others = _describe_all(paths)
    left_out += others
    if chosen.json:
        print_json({"clips": clips, "failures": failures, "left_out": [reason.as_failure() for reason in left_out]})
    else:
        for record in clips:
            print_record(record)
            print_line()
    say(f"{len(clips)} read, {len(failures)} not, {len(left_out)} left out as no clip")
    return not failures


def _describe_all(
    paths: list[Path],
) -> tuple[list[dict[str, Any]], list[dict[str, object]], list[NotAClipError]]:
    """What each clip holds, those that failed, and what turned out to be none when it was read."""
    from .. import io

    clips: list[dict[str, Any]] = []
    failures: list[dict[str, object]] = []
    left_out: list[NotAClipError] = []
    series = io.find_series(paths)
    parts = {part for run in series.values() for part in run[1:]}
    for path in paths:
        if path in parts:
            continue
        try:
            clips.append(io.describe_series(series[path]) if path in series else io.describe(path))
        except NotAClipError as reason:
            say(*io.summarize([reason]))
            left_out.append(reason)
        except EchoApexError as refusal:
            say(str(refusal))
            failures.append({"file": str(path)} | {k: v for k, v in refusal.as_failure().items() if k != "file"})
    return clips, failures, left_out
