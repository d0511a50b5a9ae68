"""How far an analysis has come, from the lines that its process prints on standard error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from echoapex.cine import Mode, ScaleSource
from echoapex.console import harmless
from echoapex.errors import EchoApexError
from echoapex.io.json_shapes import Shape, check_shape, list_of, number, one_of, or_null, record, text, truth, whole
from echoapex.io.untrusted_json import parse_json

_PLACE: Mapping[str, Shape] = {"study": text, "file": text, "number": whole(1), "clips": whole(1)}
_SHAPES: Mapping[str, Shape] = {
    "message": record({"text": text}, more_allowed=True),
    "clip": record({**_PLACE, "stage": text}, more_allowed=True),
    "clip_done": record(
        {
            **_PLACE,
            "view": text,
            "view_probability": or_null(number(0, 1)),
            "view_source": text,
            "mode": one_of(*Mode),
            "frame_count": whole(1),
            "scale_source": one_of(*ScaleSource),
            "beats": whole(),
            "measurements": list_of(record({"name": text}, more_allowed=True)),
            "warnings": whole(),
        },
        more_allowed=True,
    ),
    "clip_failed": record({**_PLACE, "failed": truth, "rule": text, "value": or_null(text)}, more_allowed=True),
    "writing": record({"study": text, "what": text}, more_allowed=True),
    "study_failed": record({"study": text, "message": text}, more_allowed=True),
}
"""What is read of each kind of event; other kinds are passed over."""

_STAGES = {
    "reading": "reading",
    "view": "telling the view",
    "outlines": "outlining",
    "landmarks": "looking for the walls",
    "measuring": "measuring",
}


@dataclass
class AnalysisProgress:
    """What is known by now: the ``number``-th (from 1) of ``clips`` is worked on, ``stage`` says in words at what.

    ``done`` has what became of each file that is through, ``lastWords`` the last thing that was said for people.
    """

    number: int = 0
    clips: int = 0
    stage: str = ""
    lastWords: str = ""
    done: dict[Path, Mapping[str, Any]] = field(default_factory=dict)

    def take(self, line: str) -> None:
        """Takes one line: an event as JSON, or words."""
        event = _event(line)
        if event is None:
            self.lastWords = harmless(line).removeprefix("echoapex: ") or self.lastWords
            return
        kind = event["event"]
        if kind == "message":
            self.lastWords = harmless(event["text"])
        elif kind == "study_failed":
            self.lastWords = harmless(event["message"])
        elif kind == "writing":
            self.number, self.stage = self.clips, f"writing {harmless(event['what'])}"
        else:
            self._takeClip(kind, event)

    def _takeClip(self, kind: str, event: Mapping[str, Any]) -> None:
        self.number, self.clips = event["number"], event["clips"]
        if kind == "clip":
            self.stage = _STAGES.get(event["stage"], harmless(event["stage"]))
        else:
            self.done[Path(event["file"]).absolute()] = event

    @property
    def finished(self) -> int:
        """How many clips are through."""
        return min(len(self.done), self.clips)

    @property
    def words(self) -> str:
        """Where it is, in a line; "" before anything is known."""
        if not self.clips:
            return self.stage
        place = f"Clip {self.number} of {self.clips}"
        return f"{place}: {self.stage}" if self.stage else place


def _event(line: str) -> Mapping[str, Any] | None:
    """The event in a line; None for what is none, or of a kind that is not read."""
    if not line.startswith("{"):
        return None
    rule = "An event is damaged"
    try:
        found = parse_json(line, rule)
        shape = _SHAPES.get(str(found.get("event"))) if isinstance(found, dict) else None
        if shape is None:
            return None
        check_shape(found, shape, rule)
    except EchoApexError:
        return None
    return dict(found)
