"""Scales that the user has given to clips, kept by marks of their files, to be taken back one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from echoapex.analysis.clip_corrections import LEAST_MM, MOST_MM, Calibration
from echoapex.io.json_shapes import check_shape, number, record, row, table_of
from echoapex.io.untrusted_json import parse_json

from ..cine.fileMarks import fileMark

_PLACE = row(number(-1e5, 1e5), number(-1e5, 1e5))
_SHAPE = table_of(record({"points": row(_PLACE, _PLACE), "mm": number(LEAST_MM, MOST_MM)}))
_DAMAGED = "The scales by hand in this scene are damaged"


class Calibrations:
    """The calibration of each file that has one. A file is known by a mark that does not tell its name."""

    def __init__(self) -> None:
        self._given: dict[str, Calibration] = {}
        self._before: list[dict[str, Calibration]] = []

    def of(self, file: Path) -> Calibration | None:
        """The calibration of a file; None where none was given."""
        return self._given.get(fileMark(file))

    @property
    def canUndo(self) -> bool:
        """Whether there is one to be taken back."""
        return bool(self._before)

    def give(self, files: Iterable[Path], calibration: Calibration | None) -> None:
        """All ``files`` have this one from now on, or that of their own where it is None; one step to be undone."""
        self._before.append(dict(self._given))
        for file in files:
            if calibration is None:
                self._given.pop(fileMark(file), None)
            else:
                self._given[fileMark(file)] = calibration

    def undo(self) -> None:
        """Takes the last step back, if there is one."""
        if self._before:
            self._given = self._before.pop()

    def adopt(self, found: Mapping[Path, Calibration]) -> None:
        """Takes those that a report was made with, for files of which nothing was decided here; no step."""
        decided = {mark for step in (*self._before, self._given) for mark in step}
        marked = {fileMark(file): calibration for file, calibration in found.items()}
        self._given |= {mark: one for mark, one in marked.items() if mark not in decided}

    def add(self, others: Calibrations) -> None:
        """Takes all of ``others``, which go before those that are known; no step."""
        self._given |= others._given

    def toText(self) -> str:
        """All of them as JSON, to be kept in a scene; empty where there is none."""
        plain = {mark: {"points": one.points, "mm": one.mm} for mark, one in sorted(self._given.items())}
        return json.dumps(plain) if plain else ""

    @classmethod
    def fromText(cls, text: str) -> Calibrations:
        """Those of `toText`. Raises `EchoApexError` for a damaged text."""
        found = cls()
        if text:
            plain = parse_json(text, _DAMAGED)
            check_shape(plain, _SHAPE, _DAMAGED)
            for mark, one in plain.items():
                (x0, y0), (x1, y1) = one["points"]
                found._given[mark] = Calibration(((x0, y0), (x1, y1)), float(one["mm"]))
        return found
