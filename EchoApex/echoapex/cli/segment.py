"""The verb ``segment``: one structure through a whole cine."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import print_json, print_table, say
from ..errors import EchoApexError
from ..prompts import PointPrompt, Prompt
from ..structures import PROMPTED, Structure, find_structure
from .shared_options import add_model_options, add_verb, load_chosen, numbers, seed

if TYPE_CHECKING:
    from ..cine import Cine
    from ..inference.segmentation import Segmentation
    from ..models.model_loading import LoadedModel


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    parser = add_verb(table, "segment", segment, "outline one structure through a whole cine")
    parser.add_argument("cine", type=Path, metavar="CINE")
    parser.add_argument("--out", type=Path, required=True, metavar="MASKS.nrrd")
    named = parser.add_mutually_exclusive_group()
    named.add_argument("--structure", metavar="ID", help="LV, LV_MYO, LA, ... found in every frame by itself")
    named.add_argument("--text", metavar="T", help="the structure in words, for example: left atrium")
    parser.add_argument(
        "--point", type=_point, action="append", default=[], metavar="x,y,1|0", help="click; 1 adds, 0 takes away"
    )
    parser.add_argument("--box", type=_box, metavar="x0,y0,x1,y1", help="box around what is wanted, in pixels")
    parser.add_argument("--frame", type=seed, metavar="K", help="frame of the points and the box, from 0 (default: 0)")
    add_model_options(parser)


def segment(chosen: Namespace) -> bool:
    """Outlines one structure through a cine and writes the masks."""
    # First the prompt and where the masks go: wrong usage is said before anything is loaded or computed.
    _check_prompt(chosen)
    if not chosen.out.parent.is_dir():
        raise EchoApexError("The folder for the masks does not exist", file=chosen.out.parent)
    from .. import io
    from ..io.output_folder import OutputFile

    io.check_masks_file(chosen.out)
    cine = io.read_cine(chosen.cine)
    with OutputFile(chosen.out, "masks") as output:
        model = load_chosen(chosen)
        prompt = _prompt(chosen, model)
        structure = prompt.structure or PROMPTED
        for text in cine.warnings:
            say(text)
        say(f"segmenting {structure} in {cine.frame_count} frames")
        found = _segmented(model, cine, prompt, chosen.frame or 0)
        io.write_masks(output.draft, found.masks, cine)
        output.publish()
    _tell(chosen, model, structure, found)
    return True


def _tell(chosen: Namespace, model: LoadedModel, structure: str, found: Segmentation) -> None:
    areas, confidence = found.masks.sum(axis=(1, 2)), found.confidence
    missing = int((areas == 0).sum())
    if missing:
        say(f"{structure} was not found in {missing} of {len(areas)} frames")
    say(f"the masks are in {chosen.out}")
    if chosen.json:
        record = {"file": chosen.cine, "model": model.card.id, "structure": structure, "masks": chosen.out}
        print_json(record | {"confidence": confidence, "area_px": areas})
    else:
        rows = zip(range(len(areas)), areas, confidence, strict=True)
        print_table(("frame", "area_px", "confidence"), [(str(k), str(a), f"{c:.3f}") for k, a, c in rows])


def _segmented(model: LoadedModel, cine: Cine, prompt: Prompt, frame: int) -> Segmentation:
    """As a panel does it: named structures in every frame, what is pointed at carried from its frame to the others."""
    import numpy as np

    from ..inference.cine_segmentation import segment_cine
    from ..inference.segmentation import Segmentation
    from ..session import Session

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
        from ..models.text_to_structure import resolve_structure

        return resolve_structure(chosen.text, model)
    return None if chosen.structure is None else find_structure(chosen.structure)


def _point(text: str) -> PointPrompt:
    """``x,y,1`` adds, ``x,y,0`` takes away."""
    x, y, sign = numbers(text, 3, "x,y,1 or x,y,0")
    if sign not in (0, 1):
        raise ArgumentTypeError(f"a point ends with 1 (adds) or 0 (takes away) (found: {text})")
    return PointPrompt(x, y, positive=sign == 1)


def _box(text: str) -> tuple[float, float, float, float]:
    """``x0,y0,x1,y1``."""
    x0, y0, x1, y1 = numbers(text, 4, "x0,y0,x1,y1")
    return x0, y0, x1, y1
