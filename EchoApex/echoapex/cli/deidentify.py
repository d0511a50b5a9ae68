"""The verb ``deidentify``: DICOM clips without their patients."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ..console import print_json, print_line, say
from .shared_options import add_archive_options, add_verb, key_file_of, print_reasons


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    parser = add_verb(table, "deidentify", deidentify, "write DICOM clips without their patients, to be shared")
    add_archive_options(parser, "DIR")
    text = "all dates of a patient are left out, or moved back by the same number of days (default: removed)"
    parser.add_argument("--dates", choices=("removed", "shifted"), default="removed", help=text)
    text = "keep sex, age (90 for all above 89), height and weight"
    parser.add_argument("--keep-characteristics", action="store_true", help=text)


def deidentify(chosen: Namespace) -> bool:
    """Writes clips without their patients; false when one was refused."""
    from ..data.deidentification import deidentify as write_clips
    from ..io.deidentified_header import Dates, Profile

    key_file = key_file_of(chosen)
    profile = Profile(Dates(chosen.dates), chosen.keep_characteristics)
    found = write_clips(chosen.paths, chosen.out, key_file, profile, workers=chosen.workers, progress=say)
    if chosen.json:
        print_json({"files": found.files, "left_out": found.left_out, "refused": found.refused})
    else:
        for path in found.files:
            print_line(path)
        print_reasons({"left out": found.left_out, "refused": found.refused})
    advice = "; look at some of them before they leave the house" if found.files else ""
    say(f"{len(found.files)} clips are in {chosen.out}{advice}")
    return not found.refused
