"""Corrections of clips in a file, which anybody may have written; a clip is known again by its pixels."""

from __future__ import annotations

import json
import os
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
from .clip_corrections import LEAST_MM, MOST_MM, Calibration, ClipCorrections, ExcludedBeat
from .view_structures import VIEWS
from .walls_by_hand import STEPS, Point, WallByHand

SCHEMA = 1
"""Version of the format."""

_MOST_CLIPS = 1000
_MOST_EXCLUDED = 100
_LONGEST_TEXT = 300
_RULE = "This is no file of corrections that can be read"
_CHECKSUM = re.compile("[0-9a-f]{64}")
_PATH = re.compile(f"[^\0]{{1,{4096}}}")


def _short(value: Any, place: str) -> None:
    text(value, place)
    if len(value) > _LONGEST_TEXT:
        raise ShapeError(place, f"a text of at most {_LONGEST_TEXT} characters", value[:40])


_FRAME = or_null(whole())
_PLACE = row(number(-1e5, 1e5), number(-1e5, 1e5))


def _few(shape: Shape) -> Shape:
    """A short list of what has this shape."""

    def check(value: Any, place: str) -> None:
        list_of(shape)(value, place)
        if len(value) > _MOST_EXCLUDED:
            raise ShapeError(place, f"a list of at most {_MOST_EXCLUDED}", value)

    return check


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
        "excluded": _few(record({"name": _short, "method": _short, "reason": _short})),
        "excluded_beats": _few(record({"ed": whole(), "es": whole(), "reason": _short})),
        "confirmed": _few(record({"name": _short, "method": _short, "value": number()})),
        "walls": _WALLS,
    },
)


def _table(key: re.Pattern[str], what: str) -> Shape:
    """Clips by ``key``, which is ``what`` in words."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise ShapeError(place, "an object", value)
        if len(value) > _MOST_CLIPS:
            raise ShapeError(place, f"an object of at most {_MOST_CLIPS} clips", value)
        for name, clip in value.items():
            if not key.fullmatch(name):
                raise ShapeError(place, f"an object by {what}", name)
            _CLIP(clip, f"{place}.{Path(name).name[:8]}")

    return check


CORRECTIONS: Shape = record(
    {"schema": one_of(SCHEMA), "clips": _table(_CHECKSUM, "SHA-256 of pixels")},
    {"files": _table(_PATH, "path of a file")},
)
"""What the file looks like: ``Resources/Schemas/corrections-1.schema.json``.

A clip is named by the SHA-256 of its frames as the panel shows them; one that was never shown by its (first) file.
"""


@dataclass
class CorrectionsFile:
    """The corrections in ``file``, by checksum of the clip or its path; which have been found is remembered."""

    file: Path
    clips: Mapping[str, Mapping[str, Any]]
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _found: set[str] = field(default_factory=set)

    def of(self, cine: Cine, card: ModelCard) -> ClipCorrections | None:
        """Those of ``cine``, which is as it was read or turned; None where there are none.

        A panel may have turned the clip, or blacked out what lies outside of its sector. What is said of its pixels
        goes before what is said of its file. Raises `EchoApexError` naming this file where they do not fit the cine, or
        its session is damaged.
        """
        of_file = self._of_file(cine)
        for shown in self._as_shown(cine):
            checksum = fingerprint(shown)["sha256"]
            if checksum in self.clips and _flip(self.clips[checksum]) == shown.flip:
                self._found.add(checksum)
                return self._read({**of_file, **_said(self.clips[checksum])}, shown, card)
        turn = _flip(of_file)
        shown = cine if turn is None or cine.flip is not None else cine.turned(turn)
        return self._read(of_file, shown, card) if of_file else None

    def _of_file(self, cine: Cine) -> Mapping[str, Any]:
        """What is said of the file of ``cine``."""
        path = None if cine.path is None else cine.path.resolve()
        for name in self.files if path is not None else ():
            if Path(name).resolve() == path:
                self._found.add(name)
                return _said(self.files[name])
        return {}

    def _as_shown(self, cine: Cine) -> Iterator[Cine]:
        if not self.clips:
            return
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
                tuple(ExcludedBeat(item["ed"], item["es"], item["reason"]) for item in clip.get("excluded_beats", ())),
                {(item["name"], item["method"]): float(item["value"]) for item in clip.get("confirmed", ())},
            )
        except EchoApexError as refusal:
            told = "" if refusal.value is None else f": {refusal.value}"
            name = "a clip" if shown.path is None else shown.path.name
            raise EchoApexError(refusal.rule, value=f"corrections of {name}{told}", file=self.file) from None

    def unfound(self) -> Iterator[str]:
        """A sentence for each clip whose corrections belong to none that was asked for."""
        for key, clip in (*self.clips.items(), *self.files.items()):
            if key not in self._found:
                unnamed = quoted(Path(key).name) if key in self.files else f"a clip {key[:8]}"
                name = quoted(clip["file"]) if clip.get("file") else unnamed
                yield f"{self.file}: the corrections of {name} are of no clip that was read here, and change nothing"


def read_corrections(file: str | Path) -> CorrectionsFile:
    """The corrections in ``file``. Raises `EchoApexError`, in one sentence, for all that is no such file."""
    path = Path(file)
    try:
        found = read_json(path, _RULE, CORRECTIONS)
    except FileNotFoundError:
        raise EchoApexError(_RULE, value="no such file", file=path) from None
    return CorrectionsFile(path, found["clips"], found.get("files", {}))


def clip_record(state: SessionState, corrections: ClipCorrections, file: str | None = None) -> dict[str, Any]:
    """The entry of a clip in a file of corrections, by its checksum: ``{checksum: {...}}``, fit for JSON.

    Masks are those of ``state`` that are by hand or accepted, whose cine is the clip as it is shown; the rest is that
    of ``corrections``. ``file`` is the name of its file for sentences about it. `write_corrections` takes several of
    them together.
    """
    frames = range(state.cine.frame_count)
    entries = {(name, frame): state.entry(frame, name) for name in state.structures for frame in frames}
    kept = SessionState(state.card, state.cine)
    kept.begin({key: entry for key, entry in entries.items() if entry.by_a_person})
    session = kept.to_plain()
    return {session["cine"]["sha256"]: plain({**_record(corrections), "file": file, "session": session})}


def file_record(path: Path, corrections: ClipCorrections) -> dict[str, Any]:
    """The entry of a clip that was never shown, by the path of its (first) file; it has no masks."""
    return {str(path): plain(_record(corrections))}


def _record(corrections: ClipCorrections) -> dict[str, Any]:
    phases, calibration = corrections.phases, corrections.calibration
    return {
        "rater": corrections.rater,
        "flip": corrections.flip,
        "view": None if corrections.view == UNKNOWN else corrections.view,
        "phases": None if phases is None else {"ed": _chosen(phases)[0], "es": _chosen(phases)[1]},
        "calibration": None if calibration is None else {"points": calibration.points, "mm": calibration.mm},
        "excluded": [
            {"name": name, "method": method, "reason": reason}
            for (name, method), reason in corrections.excluded.items()
        ],
        "excluded_beats": [vars(beat) for beat in corrections.excluded_beats],
        "confirmed": [
            {"name": name, "method": method, "value": value}
            for (name, method), value in corrections.confirmed_values.items()
        ],
        "walls": [{"name": name, **vars(item)} for name, item in corrections.walls.items()],
    }


def _chosen(phases: Phases) -> tuple[int | None, int | None]:
    return phases.ed if phases.ed_by_hand else None, phases.es if phases.es_by_hand else None


def write_corrections(file: str | Path, clips: Mapping[str, Any], files: Mapping[str, Any] | None = None) -> None:
    """Writes the records of `clip_record` and `file_record` to ``file``, which only this user may read.

    Raises `EchoApexError` where it cannot.
    """
    data = {"schema": SCHEMA, "clips": clips, "files": files or {}}
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as written:
            json.dump(data, written, allow_nan=False)
    except OSError as error:
        raise EchoApexError("The corrections cannot be written", value=error.strerror, file=file) from None


def _said(clip: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a clip that say anything."""
    return {name: value for name, value in clip.items() if value not in (None, "", [])}


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
