"""An earlier report beside one of now: which numbers are of the same kind, and how far they are apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..analysis.correction_marks import needs_scale
from ..errors import EchoApexError
from ..measure.measurement import Measurement
from ..patient import Patient
from .display_names import quantity, short_method

ADULT_HEIGHT_AGE = 21.0
"""Years from which on nobody grows (own choice)."""

MOST_HEIGHT_CM = 10.0
"""By which the heights of an adult may differ, measured twice or grown old (own choice)."""

MOST_YEARS_BACK = 1.0
"""By which a patient may be younger than in the earlier report: ages are in whole years (own choice)."""


@dataclass(frozen=True)
class ReportFacts:
    """What of a report is compared: its numbers, and what tells whether they may be.

    ``model`` is identifier and hash; ``scaled_by_hand`` has the clips whose scale a person gave.
    """

    measurements: tuple[Measurement, ...]
    patient: Patient | None
    model: tuple[str, str]
    simulated: bool
    scaled_by_hand: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Change:
    """A number of now, ``difference`` in ``unit`` more than ``earlier``; ``warnings`` say what speaks against it."""

    earlier: Measurement
    difference: float
    unit: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Changes by name and method, and what is to be said of all of them."""

    changes: Mapping[tuple[str, str], Change]
    warnings: tuple[str, ...]


def compare(now: ReportFacts, earlier: ReportFacts) -> Comparison:
    """Pairs the numbers of two reports by name and method, the surest clip of each; those excluded are left out.

    Raises `EchoApexError` where the reports are evidently of two patients, or of a heart and a simulated one.
    """
    _require_one_patient(now, earlier)
    old, new = _counted(earlier.measurements), _counted(now.measurements)
    changes = {}
    for key, item in new.items():
        before = old.get(key)
        if before is not None and item.value is not None and before.value is not None and item.unit == before.unit:
            hand = _by_hand(item, now, "now") + _by_hand(before, earlier, "earlier")
            changes[key] = Change(before, item.value - before.value, item.unit, hand)
    return Comparison(changes, (*_of_models(now, earlier), *_of_scales(changes.values()), *_of_methods(new, old)))


def _require_one_patient(now: ReportFacts, earlier: ReportFacts) -> None:
    if now.simulated != earlier.simulated:
        which = "earlier" if earlier.simulated else "present"
        raise EchoApexError(f"These reports cannot be compared: only the {which} one is of a simulated heart")
    one, other = now.patient or Patient(), earlier.patient or Patient()
    rule = "The earlier report is of another patient"
    if one.sex is not None and other.sex is not None and one.sex is not other.sex:
        raise EchoApexError(f"{rule}: the sex is not the same", value=f"{other.sex.name.lower()} then")
    if one.age is not None and other.age is not None:
        if other.age > one.age + MOST_YEARS_BACK:
            raise EchoApexError(f"{rule}, or is the later one", value=f"{other.age:g} years then, {one.age:g} now")
        heights = (one.height_cm, other.height_cm)
        if other.age >= ADULT_HEIGHT_AGE and None not in heights and _apart(heights) > MOST_HEIGHT_CM:
            found = f"{other.height_cm:g} cm then, {one.height_cm:g} cm now"
            raise EchoApexError(f"{rule}: the height of an adult does not change so much", value=found)


def _apart(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return max(known) - min(known)


def _counted(items: Sequence[Measurement]) -> dict[tuple[str, str], Measurement]:
    """The first number of each name and method, which is that of the surest clip."""
    found: dict[tuple[str, str], Measurement] = {}
    for item in items:
        if item.excluded is None:
            found.setdefault((item.name, item.method), item)
    return found


def _by_hand(item: Measurement, report: ReportFacts, when: str) -> tuple[str, ...]:
    scaled = any(source.clip in report.scaled_by_hand for source in item.sources)
    return (f"The scale was given by hand {when}",) if scaled and needs_scale(item) else ()


def _of_models(now: ReportFacts, earlier: ReportFacts) -> tuple[str, ...]:
    if now.model == earlier.model:
        return ()
    names = (earlier.model[0], now.model[0])
    which = f"{names[0]} then, {names[1]} now" if names[0] != names[1] else f"{names[0]} with other weights"
    return (f"The models differ ({which}): a change may be theirs",)


def _of_scales(changes: Iterable[Change]) -> tuple[str, ...]:
    told = dict.fromkeys(text for change in changes for text in change.warnings)
    return (f"{'; '.join(told)}: a change may be that of the scale",) if told else ()


def _of_methods(
    new: Mapping[tuple[str, str], Measurement], old: Mapping[tuple[str, str], Measurement]
) -> Iterable[str]:
    """Quantities that both reports have, but not by one method, from their names and methods."""
    for name in dict.fromkeys(name for name, _ in new):
        now, then = ([method for of, method in report if of == name] for report in (new, old))
        if then and not set(now) & set(then):
            methods = (", ".join(map(short_method, names)) for names in (then, now))
            yield "{} is not compared: by {} then, by {} now".format(quantity(name), *methods)
