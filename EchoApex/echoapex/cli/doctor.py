"""The verb ``doctor``: is everything there, and does it work."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from ..console import print_json, print_line
from ..models.device import DEVICES
from .shared_options import add_verb


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    parser = add_verb(table, "doctor", doctor, "check that everything needed is there and works")
    parser.add_argument("--device", choices=DEVICES, default="auto", help="where to compute (default: auto)")


def doctor(chosen: Namespace) -> bool:
    """Checks the installation; false when something needed is missing or does not work."""
    from .doctor_checks import examine

    checks = examine(chosen.device)
    if chosen.json:
        print_json(checks)
        return all(check.ok for check in checks)
    for check in checks:
        print_line(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.found}")
        if not check.ok:
            print_line(f"      {check.advice}")
    return all(check.ok for check in checks)
