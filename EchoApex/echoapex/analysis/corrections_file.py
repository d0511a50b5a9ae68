"""Corrections of clips in a file, which anybody may have written; a clip is known again by its pixels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..cine import Cine, Flip
from ..console import plain
from ..errors import EchoApexError
from ..io.json_shapes import (
    Shape,
    ShapeError,
    anything,
    list_of,
    number,
    one_of,
    or_null,
    record,
    row,
    text,
    truth,
    whole,
)
from ..io.quoting import quoted
from ..io.untrusted_json import read_json
from ..measure.volumes_while_editing import Phases
from ..models.model_card import UNKNOWN, ModelCard
from ..session.state import SessionState, fingerprint
from .clip_corrections import LEAST_MM, MOST_MM, Calibration, ClipCorrections
from .view_structures import VIEWS
from .walls_by_hand import STEPS, Point, WallByHand

SCHEMA = 1
"""Version of the format."""

_MOST_CLIPS = 1000
_MOST_EXCLUDED = 100
_LONGEST_TEXT = 300
_RULE = "This is no file of corrections that can be read"
_CHECKSUM = re.compile("[0-9a-f]{64}")


def _short(value: Any, place: str) -> None:
    text(value, place)
    if len(value) > _LONGEST_TEXT:
        raise ShapeError(place, f"a text of at most {_LONGEST_TEXT} characters", value[:40])


_FRAME = or_null(whole())
_PLACE = row(number(-1e5, 1e5), number(-1e5, 1e5))
_EXCLUDED = list_of(record({"name": _short, "method": _short, "reason": _short}))


def _few_excluded(value: Any, place: str) -> None:
    _EXCLUDED(value, place)
    if len(value) > _MOST_EXCLUDED:
        raise ShapeError(place, f"a list of at most {_MOST_EXCLUDED}", value)


_WALLS = list_of(
    record(
        {"name": one_of(*STEPS), "frame": whole(), "ends": row(_PLACE, _PLACE), "placed": truth, "confirmed": truth},
    )
)
_CLIP = record(
    {},
    {
        "file": or_null(_short),
        "rater": _short,
        "flip": or_null(one_of(*Flip)),
        "view": or_null(one_of(*(view for view in VIEWS if view != UNKNOWN))),
        "phases": or_null(record({"ed": _FRAME, "es": _FRAME})),
        "calibration": or_null(record({"points": row(_PLACE, _PLACE), "mm": number(LEAST_MM, MOST_MM)})),
        "session": or_null(anything),
        "excluded": _few_excluded,
        "walls": _WALLS,
    },
)


def _clips(value: Any, place: str) -> None:
    if not isinstance(value, dict):
        raise ShapeError(place, "an object", value)
    if len(value) > _MOST_CLIPS:
        raise ShapeError(place, f"an object of at most {_MOST_CLIPS} clips", value)
    for checksum, clip in value.items():
        if not _CHECKSUM.fullmatch(checksum):
            raise ShapeError(place, "an object by SHA-256 of pixels", checksum)
        _CLIP(clip, f"{place}.{checksum[:8]}")


CORRECTIONS: Shape = record({"schema": one_of(SCHEMA), "clips": _clips})
"""What the file looks like. A clip is named by the SHA-256 of its frames as the panel shows them."""


@dataclass
class CorrectionsFile:
    """The corrections in ``file``, by checksum of the clip; which of them have been found is remembered."""

    file: Path
    clips: Mapping[str, Mapping[str, Any]]
    _found: set[str] = field(default_factory=set)

    def of(self, cine: Cine, card: ModelCard) -> ClipCorrections | None:
        """Those of ``cine``, which is as it was read or turned; None where there are none.

        A panel may have turned the clip, or blacked out what lies outside of its sector. Raises `EchoApexError` naming
        this file where they do not fit the cine, or its session is damaged.
        """
        for shown in self._as_shown(cine):
            checksum = fingerprint(shown)["sha256"]
            if checksum in self.clips and _flip(self.clips[checksum]) == shown.flip:
                self._found.add(checksum)
                return self._read(self.clips[checksum], shown, card)
        return None

    def _as_shown(self, cine: Cine) -> Iterator[Cine]:
        flips = {cine.flip} if cine.flip else {_flip(clip) for clip in self.clips.values()}
        for flip in sorted(flips, key=str):
            turned = cine if flip == cine.flip or flip is None else cine.turned(flip)
            yield turned
            # As the scene of a report shows it.
            yield replace(turned, frames=turned.masked_frames())

    def _read(self, clip: Mapping[str, Any], shown: Cine, card: ModelCard) -> ClipCorrections:
        try:
            state = SessionState(card, shown)
            if clip.get("session") is not None:
                state.load(clip["session"])
            frames = range(shown.frame_count)
            entries = {(name, frame): state.entry(frame, name) for name in state.structures for frame in frames}
            return ClipCorrections(
                clip.get("rater", ""),
                _flip(clip),
                clip.get("view"),
                _phases(clip.get("phases"), shown),
                _calibration(clip.get("calibration"), shown),
                {key: entry for key, entry in entries.items() if entry.by_a_person},
                {(item["name"], item["method"]): item["reason"] for item in clip.get("excluded", ())},
                _walls(clip.get("walls", ()), shown),
            )
        except EchoApexError as refusal:
            told = "" if refusal.value is None else f": {refusal.value}"
            name = "a clip" if shown.path is None else shown.path.name
            raise EchoApexError(refusal.rule, value=f"corrections of {name}{told}", file=self.file) from None

    def unfound(self) -> Iterator[str]:
        """A sentence for each clip whose corrections belong to none that was asked for."""
        for checksum, clip in self.clips.items():
            if checksum not in self._found:
                name = quoted(clip["file"]) if clip.get("file") else f"a clip {checksum[:8]}"
                yield f"{self.file}: the corrections of {name} are of no clip that was read here, and change nothing"


def read_corrections(file: str | Path) -> CorrectionsFile:
    """The corrections in ``file``. Raises `EchoApexError`, in one sentence, for all that is no such file."""
    path = Path(file)
    try:
        found = read_json(path, _RULE, CORRECTIONS)
    except FileNotFoundError:
        raise EchoApexError(_RULE, value="no such file", file=path) from None
    return CorrectionsFile(path, found["clips"])


def clip_record(state: SessionState, corrections: ClipCorrections, file: str | None = None) -> dict[str, Any]:
    """The entry of a clip in a file of corrections, by its checksum: ``{checksum: {...}}``, fit for JSON.

    Masks are those of ``state``, whose cine is the clip as it is shown; the rest is that of ``corrections``. ``file``
    is the name of its file for sentences about it. `write_corrections` takes several of them together.
    """
    phases, calibration = corrections.phases, corrections.calibration
    record = {
        "file": file,
        "rater": corrections.rater,
        "flip": corrections.flip,
        "view": None if corrections.view == UNKNOWN else corrections.view,
        "phases": None if phases is None else {"ed": _chosen(phases)[0], "es": _chosen(phases)[1]},
        "calibration": None if calibration is None else {"points": calibration.points, "mm": calibration.mm},
        "session": state.to_plain(),
        "excluded": [
            {"name": name, "method": method, "reason": reason}
            for (name, method), reason in corrections.excluded.items()
        ],
        "walls": [{"name": name, **vars(item)} for name, item in corrections.walls.items()],
    }
    return {fingerprint(state.cine)["sha256"]: plain(record)}


def _chosen(phases: Phases) -> tuple[int | None, int | None]:
    return phases.ed if phases.ed_by_hand else None, phases.es if phases.es_by_hand else None


def write_corrections(file: str | Path, clips: Mapping[str, Any]) -> None:
    """Writes the records of `clip_record` to ``file``. Raises `EchoApexError` where that is not possible."""
    try:
        Path(file).write_text(json.dumps({"schema": SCHEMA, "clips": clips}, allow_nan=False), encoding="utf-8")
    except OSError as error:
        raise EchoApexError("The corrections cannot be written", value=error.strerror, file=file) from None


def _flip(clip: Mapping[str, Any]) -> Flip | None:
    return None if clip.get("flip") is None else Flip(clip["flip"])


def _phases(found: Mapping[str, int | None] | None, cine: Cine) -> Phases | None:
    if found is None or (found["ed"] is None and found["es"] is None):
        return None
    ed, es = found["ed"], found["es"]
    for frame in (ed, es):
        if frame is not None:
            cine.check_frame(frame)
    if ed == es:
        raise EchoApexError("ED and ES must be two frames", value=f"both are frame {ed}")
    return Phases(ed, es, ed is not None, es is not None)


def _walls(found: Iterable[Mapping[str, Any]], cine: Cine) -> dict[str, WallByHand]:
    walls: dict[str, WallByHand] = {}
    for item in found:
        if item["name"] in walls or not (item["placed"] or item["confirmed"]):
            raise EchoApexError("A wall is placed or confirmed, and once", value=item["name"])
        walls[item["name"]] = WallByHand(item["frame"], _ends(item["ends"]), item["placed"], item["confirmed"])
        walls[item["name"]].check(cine)
    return walls


def _ends(found: Sequence[Sequence[float]]) -> tuple[Point, Point]:
    (x0, y0), (x1, y1) = found
    return (float(x0), float(y0)), (float(x1), float(y1))


def _calibration(found: Mapping[str, Any] | None, cine: Cine) -> Calibration | None:
    if found is None:
        return None
    calibration = Calibration(_ends(found["points"]), float(found["mm"]))
    calibration.scale(cine.scale)  # refuses what gives none
    return calibration
