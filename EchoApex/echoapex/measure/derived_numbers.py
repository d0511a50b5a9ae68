"""Which numbers are made of which others, in one place; and that a number is out where one that it rests on is out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from .body_surface_area import INDEXED
from .measurement import Exclusion, Measurement

_RATE = "HR"

MADE_OF: Mapping[str, tuple[str, ...]] = {
    "LVSV": ("LVEDV", "LVESV"),
    "LVEF": ("LVEDV", "LVESV"),
    "CO": ("LVSV", _RATE),
    "FS": ("LVIDd", "LVIDs"),
    "RWT": ("LVPWd", "LVIDd"),
    "LVMass": ("IVSd", "LVIDd", "LVPWd"),
    **{index: (name,) for name, indices in INDEXED.items() for index, _ in indices},
    "LVGeometry": ("LVMassIndex", "RWT"),
}
"""The numbers that each is calculated from, all by its own method and in its own clips; the heart rate has a method of
its own. Biplane volumes come from the outlines of both views, not from the volumes of each: they rest on no number."""


def made_of(name: str) -> tuple[str, ...]:
    """All numbers that one of this name is made of, in turn, the nearest first; none where it is measured itself."""
    nearest = MADE_OF.get(name, ())
    return tuple(dict.fromkeys((*nearest, *(below for part in nearest for below in made_of(part)))))


def basis(name: str) -> tuple[str, ...]:
    """The numbers at the bottom that are measured themselves: of one that is made of no other, itself."""
    return tuple(part for part in made_of(name) if part not in MADE_OF) or (name,)


def out_with_parts(items: Sequence[Measurement]) -> tuple[Measurement, ...]:
    """``items``, those out, too, that rest on one which a person has excluded, in turn; they say on which and why.

    What was out only because of others before is looked at anew.
    """
    return tuple(replace(item, excluded=_own(item) or _through(item, items)) for item in items)


def _own(item: Measurement) -> Exclusion | None:
    return None if item.excluded is None or item.excluded.through else item.excluded


def _through(item: Measurement, items: Iterable[Measurement]) -> Exclusion | None:
    found = ((part.name, _own(part)) for part in _parts(item, items))
    return next((Exclusion(own.reason, name) for name, own in found if own is not None), None)


def _parts(item: Measurement, items: Iterable[Measurement]) -> Iterator[Measurement]:
    """Those of ``items`` that ``item`` is made of."""
    clips = _clips(item)
    for name in made_of(item.name):
        alike = (one for one in items if one.name == name and (one.method == item.method or name == _RATE))
        yield from (one for one in alike if _clips(one) <= clips)


def _clips(item: Measurement) -> set[str]:
    return {source.clip for source in item.sources}
