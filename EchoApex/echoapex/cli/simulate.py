"""The verb ``simulate``: a simulated study with exact truth."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from ..console import print_json, print_line, say
from ..simulation.machine_interfaces import INTERFACES
from ..simulation.pathologies import PATHOLOGIES
from ..simulation.presets import PRESETS
from .shared_options import add_verb, positive, seed

HEART_OPTIONS = {
    "ef": "ejection fraction in %%",
    "edv": "end-diastolic volume in mL",
    "ivsd": "thickness of the septum in end-diastole in mm",
    "lvidd": "inner diameter of the left ventricle in end-diastole in mm",
    "lvpwd": "thickness of the posterior wall in end-diastole in mm",
}


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    parser = add_verb(table, "simulate", simulate, "write a simulated study with exact truth as DICOM clips")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=seed, default=1, help="same seed, same heart (default: 1)")
    parser.add_argument("--views", type=_names, default=("A4C", "A2C"), help="default: A4C,A2C")
    parser.add_argument("--preset", choices=PRESETS, default="easy", help="image quality and variety (default: easy)")
    parser.add_argument("--pathology", choices=PATHOLOGIES, help="a heart with a disease (default: none)")
    parser.add_argument("--interface", choices=INTERFACES, help="the screen of a machine around it (default: none)")
    parser.add_argument("--color-flow", action="store_true", help="with a box of color flow, on a machine's screen")
    parser.add_argument("--still", action="store_true", help="one frame of each view, not a clip")
    for name, text in HEART_OPTIONS.items():
        parser.add_argument(f"--{name}", type=positive, help=f"{text} (default: drawn from the seed)")


def simulate(chosen: Namespace) -> bool:
    """Writes a simulated study with its truth."""
    from .. import simulation
    from ..simulation.screen_capture import draw_interface
    from ..simulation.simulated_study import Display

    overrides = {name: getattr(chosen, name) for name in HEART_OPTIONS if getattr(chosen, name) is not None}
    interface = draw_interface(chosen.seed) if chosen.color_flow and not chosen.interface else chosen.interface
    display = Display(interface, chosen.color_flow, chosen.still)
    say(f"simulating one heart in {', '.join(chosen.views)}")
    paths = simulation.write_study(
        chosen.out,
        chosen.seed,
        chosen.views,
        chosen.preset,
        overrides,
        pathology=chosen.pathology,
        display=display,
        progress=say,
    )
    if chosen.json:
        record = {"out": chosen.out, "seed": chosen.seed, "preset": chosen.preset, "pathology": chosen.pathology}
        print_json(record | {"files": paths})
    else:
        for path in paths:
            print_line(path)
    return True


def _names(text: str) -> tuple[str, ...]:
    """Views, separated by commas."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise ArgumentTypeError("at least one view is needed, for example A4C")
    return names
