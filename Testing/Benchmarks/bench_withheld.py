"""How many values the checks for the impossible withhold on simulated hearts, of those that would be given without.

Trust must not be bought by silence: every value that is withheld is listed with its reason and the truth it would have
stood for, so that one can see whether it was rightly withheld.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from echoapex.analysis import believed_results, clip_analysis, study_measurements
from echoapex.analysis.clip_analysis import ClipResult, analyze_clip
from echoapex.analysis.clip_view import FoundView
from echoapex.analysis.study_measurements import summarize
from echoapex.evaluation.trials.simulated_patients import MAIN_VIEWS, SimulatedPatient
from echoapex.inference.view_outlines_landmarks import ModelObserver, Observer
from echoapex.measure.measurement import Measurement
from echoapex.measure.plausibility import Judgment
from echoapex.models.model_loading import LoadedModel, load_model
from echoapex.simulation.data_source import SimulatedData

DATA = "simulated:hard:100"
MOST = 0.02
"""Share of the values that may be withheld."""


class Remembered:
    """What another observer saw, looked at once."""

    def __init__(self, other: Observer) -> None:
        self._other = other
        self._seen: dict[Any, Any] = {}

    def view(self) -> Any:
        """As the other one."""
        return self._once("view", self._other.view)

    def outlines(self, names: Sequence[str]) -> Any:
        """As the other one."""
        return self._once(tuple(names), lambda: self._other.outlines(names))

    def landmarks(self) -> Any:
        """As the other one."""
        return self._once("landmarks", self._other.landmarks)

    def _once(self, key: Any, look: Any) -> Any:
        if key not in self._seen:
            self._seen[key] = look()
        return self._seen[key]


@contextmanager
def without_checks() -> Iterator[None]:
    """Everything is believed inside."""

    def believe(items: Sequence[Measurement], *_: object) -> Judgment:
        return Judgment(tuple(items), (), ())

    with ExitStack() as stack:
        for module in (believed_results, study_measurements):
            stack.enter_context(mock.patch.object(module, "judge", believe))
        for name in ("chambers_contradict", "area_contradicts"):
            stack.enter_context(mock.patch.object(clip_analysis, name, lambda *_: ()))
        stack.enter_context(mock.patch.object(clip_analysis, "believable", lambda cine: cine))
        yield


def values(clips: Sequence[ClipResult]) -> dict[tuple[str, str], float]:
    """What a study gives, by name and method."""
    found = summarize(clips, None).measurements
    return {(item.name, item.method): item.value for item in found if item.value is not None}


def one_patient(model: LoadedModel, data: SimulatedData, seed: int) -> tuple[int, list[str]]:
    """How many values a patient's study gives without checks, and those that the checks withhold, in words."""
    patient = SimulatedPatient(data.preset, seed)
    seen = {view: Remembered(ModelObserver(model, patient.clip(view).cine())) for view in MAIN_VIEWS}
    given = study(model, patient, seen)
    with without_checks():
        believed = study(model, patient, seen)
    now = values(given)
    heart = patient.clip(MAIN_VIEWS[0]).heart
    truth = f"true EF {100 * patient.case.shape.ef:.0f} %, EDV {heart.edv_ml:.0f} mL"
    reasons = "; ".join(dict.fromkeys(str(reason) for clip in given for reason in clip.not_measured))
    all_values = values(believed)
    return len(all_values), [
        f"seed {seed}: {name} ({method}) {value:.4g}, {truth}: {reasons or 'withheld in the study'}"
        for (name, method), value in all_values.items()
        if (name, method) not in now
    ]


def study(model: LoadedModel, patient: SimulatedPatient, seen: Mapping[str, Observer]) -> list[ClipResult]:
    """The clips of a patient, measured as a study does it when told their views."""
    known = model.card.structures
    return [
        analyze_clip(observer, known, patient.clip(view).cine(), view, FoundView(view))
        for view, observer in seen.items()
    ]


def main() -> int:
    """1 when more than `MOST` of the values are withheld."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default=DATA, help=f"simulated:PRESET:N[:SEED] (default: {DATA})")
    data = SimulatedData.parse(parser.parse_args().data)
    model, total, withheld = load_model(None, "cpu"), 0, 0
    for number, seed in enumerate(data.seeds, start=1):
        count, lost = one_patient(model, data, seed)
        total += count
        withheld += len(lost)
        for line in lost:
            print(line, flush=True)
        print(f"{number} of {data.count}: {withheld} of {total} values withheld", file=sys.stderr, flush=True)
    share = withheld / max(1, total)
    print(f"{data}: {withheld} of {total} values withheld ({share:.2%}; at most {MOST:.0%} may be)")
    return 0 if total and share <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
