"""How well masks are carried through the cine: from a box on one frame, and from the true mask of one.

On simulated apical clips, through a `Session` as users do it. The swing is the largest less the smallest area of the
cavity over the clip; its error is the share of the true largest area by which the found swing differs from the true
one. Beside each stands the mask of the given frame on every frame, which has no swing at all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from echoapex.evaluation.bootstrap_scores import dice
from echoapex.evaluation.data_source import SimulatedData
from echoapex.evaluation.trials.simulated_patients import SimulatedPatient
from echoapex.evaluation.trials.structure_masks import drawn_box
from echoapex.evaluation.trials.whole_clips import APICAL
from echoapex.models.model_loading import load_model
from echoapex.prompts import Prompt
from echoapex.session import Session
from echoapex.simulation.heart import Tissue
from echoapex.structures import PROMPTED

DATA = "simulated:hard:6"
WAYS = ("box, named LV", "box, no name", "true mask, named LV", "true mask, no name")
_Masks = NDArray[np.bool_]


def carried(session: Session, truth: _Masks, start: int, way: str, rng: np.random.Generator) -> tuple[_Masks, _Masks]:
    """The ventricle in every frame, and the confidence of each, after it was shown on ``start`` in one of `WAYS`."""
    structure = "LV" if "named" in way else PROMPTED
    session.clear(range(len(truth)), structure)
    if way.startswith("box"):
        session.segment(start, Prompt(box=drawn_box(truth[start], rng)), structure)
    else:
        session.edit(start, truth[start], structure)
    session.propagate(structure)
    entries = [session.entry(frame, structure) for frame in range(len(truth))]
    return session.masks(structure), np.array([entry.confidence or 0.0 for entry in entries])


def swing(masks: _Masks) -> float:
    """Largest less smallest area, in pixels."""
    areas = masks.sum(axis=(1, 2))
    return float(areas.max() - areas.min())


def score(masks: _Masks, sure: NDArray[np.float64], truth: _Masks, start: int) -> dict[str, float]:
    """Figures of one clip over all frames but the given one."""
    others = [frame for frame in range(len(truth)) if frame != start]
    reached = np.array([dice(masks[frame], truth[frame]) for frame in others])
    largest = float(truth.sum(axis=(1, 2)).max())
    return {
        "dice": float(reached.mean()),
        "worst frame": float(reached.min()),
        "swing error": abs(swing(masks) - swing(truth)) / largest,
        "confidence off by": float(np.abs(sure[others] - reached).mean()),
        "given mask kept still": float(np.mean([dice(masks[start], truth[frame]) for frame in others])),
    }


def examine(model: object, data: SimulatedData) -> dict[str, list[dict[str, float]]]:
    """Figures of each clip by way."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for seed in data.seeds:
        view = APICAL[seed % len(APICAL)]
        clip = SimulatedPatient(data.preset, seed).clip(view)
        truth = np.stack([clip.labels(frame) == Tissue.LV for frame in range(len(clip.frames))])
        rng = np.random.default_rng([seed, 8])
        start, session = int(rng.integers(len(truth))), Session(model, clip.cine())  # type: ignore[arg-type]
        for way in WAYS:
            masks, sure = carried(session, truth, start, way, rng)
            found[way].append(score(masks, sure, truth, start))
        print(f"{seed} {view} frame {start}: " + line(found, -1), file=sys.stderr, flush=True)
    return found


def line(found: Mapping[str, Sequence[Mapping[str, float]]], index: int) -> str:
    return "; ".join(f"{way} {rows[index]['dice']:.3f}/{rows[index]['swing error']:.3f}" for way, rows in found.items())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=SimulatedData.parse, default=SimulatedData.parse(DATA))
    parser.add_argument("--model")
    chosen = parser.parse_args()
    found = examine(load_model(chosen.model, "cpu"), chosen.data)
    print(f"{'carried from':22}" + "".join(f"{name:>23}" for name in found[WAYS[0]][0]))
    for way, rows in found.items():
        means = [np.mean([row[name] for row in rows]) for name in rows[0]]
        print(f"{way:22}" + "".join(f"{value:23.3f}" for value in means))
    return 0


if __name__ == "__main__":
    sys.exit(main())
