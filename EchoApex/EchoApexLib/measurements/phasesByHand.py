"""End-diastole and end-systole that somebody has set, as the browser of a cine keeps them in its scene."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from echoapex.io.json_shapes import or_null, record, truth, whole
from echoapex.io.untrusted_json import parse_json
from echoapex.measure.volumes_while_editing import Phases

PHASES = "EchoApex.Phases"
"""Attribute of a browser: ED and ES that were set by hand."""


def phasesOf(browser: Any, frameCount: int) -> Phases:
    """ED and ES that were set by hand; none where they were not.

    Raises `EchoApexError` where what the scene says does not fit the cine.
    """
    text = browser.GetAttribute(PHASES)
    if not text:
        return Phases()
    frame = or_null(whole(0, frameCount - 1))
    shape = record({}, {"ed": frame, "es": frame, "ed_by_hand": truth, "es_by_hand": truth})
    return Phases(**parse_json(text, "ED and ES of this scene are damaged", shape))


def keepPhases(browser: Any, phases: Phases) -> None:
    """Keeps ``phases`` where one was set by hand; otherwise those that are found count again."""
    if phases.by_hand:
        browser.SetAttribute(PHASES, json.dumps(asdict(phases)))
    else:
        browser.RemoveAttribute(PHASES)
