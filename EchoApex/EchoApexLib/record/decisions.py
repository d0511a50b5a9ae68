"""What a person has decided about the numbers of a clip, as its browser keeps it in the scene.

Numbers and beats that are not to count, each with the reason, and numbers of the walls that were accepted as they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from echoapex.analysis.clip_corrections import ExcludedBeat
from echoapex.errors import EchoApexError
from echoapex.io.json_shapes import list_of, number, record, text, whole
from echoapex.io.untrusted_json import parse_json
from echoapex.measure.measurement import Beat

DECISIONS = "EchoApex.Decisions"
"""Attribute of a browser."""

LONGEST_TEXT = 300
"""Characters that a reason or a code has at most: as many as a file of corrections takes."""

Key = tuple[str, str]
"""Name and method of a number."""

_DAMAGED = "What was excluded and confirmed in this scene is damaged"
_SHAPE = record(
    {
        "excluded": list_of(record({"name": text, "method": text, "reason": text})),
        "beats": list_of(record({"ed": whole(), "es": whole(), "reason": text})),
        "confirmed": list_of(record({"name": text, "method": text, "value": number()})),
    }
)


@dataclass(frozen=True)
class Decisions:
    """Reasons of numbers that are ``excluded`` and values of those ``confirmed``, by name and method; and ``beats``."""

    excluded: Mapping[Key, str] = field(default_factory=dict)
    beats: tuple[ExcludedBeat, ...] = ()
    confirmed: Mapping[Key, float] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything was decided."""
        return bool(self.excluded or self.beats or self.confirmed)

    def reasonOf(self, beat: Beat) -> str | None:
        """Why ``beat`` is not to count; None where it is."""
        return next((one.reason for one in self.beats if one.meets(beat)), None)


def decisionsOf(browser: Any) -> Decisions:
    """What was decided about the numbers of the clip of ``browser``. Raises `EchoApexError` where that is damaged."""
    kept = browser.GetAttribute(DECISIONS)
    if not kept:
        return Decisions()
    found = parse_json(kept, _DAMAGED, _SHAPE)
    return Decisions(
        {(item["name"], item["method"]): item["reason"] for item in found["excluded"]},
        tuple(ExcludedBeat(item["ed"], item["es"], item["reason"]) for item in found["beats"]),
        {(item["name"], item["method"]): float(item["value"]) for item in found["confirmed"]},
    )


def keepDecisions(browser: Any, decisions: Decisions) -> None:
    """Keeps ``decisions`` in the scene in place of those of before."""
    if not decisions.any:
        browser.RemoveAttribute(DECISIONS)
        return
    kept = {
        "excluded": [{"name": name, "method": how, "reason": why} for (name, how), why in decisions.excluded.items()],
        "beats": [asdict(beat) for beat in decisions.beats],
        "confirmed": [{"name": name, "method": how, "value": one} for (name, how), one in decisions.confirmed.items()],
    }
    browser.SetAttribute(DECISIONS, json.dumps(kept, ensure_ascii=False))


def checkedReason(reason: str) -> str:
    """``reason`` as it is kept. Raises `EchoApexError` for none, and for one that is too long."""
    told = " ".join(reason.split())
    if not told:
        raise EchoApexError("Say why it is not to count")
    if len(told) > LONGEST_TEXT:
        raise EchoApexError(f"A reason has at most {LONGEST_TEXT} characters", value=f"{len(told)}")
    return told
