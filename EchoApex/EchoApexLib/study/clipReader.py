"""Lists clips by a process of its own: what it has found by now goes into a `ClipList`.

No Qt: whoever shows the list calls `ClipReader.poll` every now and then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from echoapex.cine import Mode, ScaleSource
from echoapex.console import harmless
from echoapex.errors import EchoApexError
from echoapex.io.json_shapes import Shape, check_shape, list_of, number, one_of, or_null, record, row, text, whole
from echoapex.io.untrusted_json import parse_json
from echoapex.serving.watched_process import WatchedProcess
from echoapex.study.clip_listing import CLIP, COUNT, LEFT_OUT, LISTED, PICTURE, REFUSED, STUDY
from echoapex.study.clip_pictures import from_text

from .calibrations import Calibrations
from .clipList import ClipList, ListedClip, ListedStudy

_SHAPES: Mapping[str, Shape] = {
    COUNT: record({"clips": whole(), "left_out": whole()}, more_allowed=True),
    LEFT_OUT: record({"text": text}, more_allowed=True),
    REFUSED: record({"text": text}, more_allowed=True),
    STUDY: record(
        {
            "study": text,
            "patient": record(
                {"sex": or_null(text), **dict.fromkeys(("age", "height_cm", "weight_kg"), or_null(number()))}
            ),
            "notes": list_of(text),
        },
        more_allowed=True,
    ),
    CLIP: record(
        {
            "study": text,
            "file": text,
            "parts": list_of(text),
            "view": or_null(text),
            "mode": or_null(one_of(*Mode)),
            "frames": or_null(whole()),
            "rate": or_null(number()),
            "scale": or_null(one_of(*ScaleSource)),
            "mm_per_px": or_null(row(number(), number())),
            "scale_reason": or_null(text),
            "warnings": list_of(text),
            "refusal": or_null(text),
        },
        {
            "size": or_null(row(whole(1), whole(1))),
            "machine": or_null(text),
            "depth_mm": or_null(number()),
        },
        more_allowed=True,
    ),
    LISTED: record({}, more_allowed=True),
    PICTURE: record({"file": text, "box": row(*[whole()] * 4), "pixels": text}, more_allowed=True),
}
_BROKEN = "The list of clips was not understood"


class ClipReader:
    """Fills a new `ClipList` from files and folders by a process of its own; `poll` brings what has come.

    ``calibrations`` are the scales by hand that are known from before. ``said`` gets a sentence where nothing can be
    listed. Raises `EchoApexError` where the process cannot be started.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        python: str,
        said: Callable[[str], None],
        calibrations: Calibrations | None = None,
    ) -> None:
        self.list = ClipList(calibrations)
        self.leftOut: tuple[str, ...] = ()
        self.expected: int | None = None
        self._said = said
        self._refused = self.listed = False
        given = json.dumps([str(Path(path).absolute()) for path in paths]).encode()
        command = [python, "-m", "echoapex.study.clip_listing_process"]
        self._process: WatchedProcess | None = WatchedProcess(command, given=given)
        self._lastWords = ""

    @property
    def busy(self) -> bool:
        """Whether there is more to come: clips, or pictures of them."""
        return self._process is not None

    @property
    def listing(self) -> bool:
        """Whether there may be more clips."""
        return self.busy and not self.listed

    def poll(self) -> bool:
        """Takes what was found by now; whether there was anything."""
        process = self._process
        if process is None:
            return False
        code = process.exit_code
        lines = process.lines()
        self._lastWords = ([self._lastWords, *process.messages()])[-1]
        try:
            for line in lines:
                self._take(line)
        except EchoApexError as refusal:
            self._said(str(refusal))
            self.close()
            return True
        if code is not None:
            self._end(code)
        return bool(lines) or code is not None

    def _end(self, code: int) -> None:
        self.close()
        # Without all pictures the list is whole.
        if code != 0 and not (self._refused or self.listed):
            found = self._lastWords or f"exit code {code}"
            self._said(f"Not all clips could be listed: the process that reads their headers ended ({found}).")

    def close(self) -> None:
        """Reads no further; what is listed stays."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _take(self, line: str) -> None:
        message = parse_json(line, _BROKEN)
        about = str(message.get("say")) if isinstance(message, dict) else ""
        if about not in _SHAPES:
            raise EchoApexError(_BROKEN, value=about)
        check_shape(message, _SHAPES[about], _BROKEN)
        getattr(self, f"_take_{about}")(message)

    def _take_count(self, message: Mapping[str, Any]) -> None:
        self.expected = message["clips"]

    def _take_left_out(self, message: Mapping[str, Any]) -> None:
        self.leftOut = (*self.leftOut, harmless(message["text"]))

    def _take_refused(self, message: Mapping[str, Any]) -> None:
        self._refused = True
        self._said(harmless(message["text"]))

    def _take_listed(self, _message: Mapping[str, Any]) -> None:
        self.listed = True

    def _take_picture(self, message: Mapping[str, Any]) -> None:
        pixels = from_text(message["pixels"])
        if pixels is None:
            raise EchoApexError(_BROKEN, value="a picture")
        self.list.takeSeen(Path(message["file"]), tuple(message["box"]), pixels)

    def _take_study(self, message: Mapping[str, Any]) -> None:
        notes = tuple(map(harmless, message["notes"]))
        self.list.addStudy(ListedStudy(message["study"], message["patient"], notes))

    def _take_clip(self, message: Mapping[str, Any]) -> None:
        spacing = message["mm_per_px"]
        if message["study"] not in self.list.studies:
            raise EchoApexError(_BROKEN, value=message["study"])
        self.list.addClip(
            ListedClip(
                study=message["study"],
                file=Path(message["file"]),
                parts=tuple(map(Path, message["parts"])),
                view=message["view"],
                viewSource="header" if message["view"] else "",
                mode=message["mode"],
                frames=message["frames"],
                rate=message["rate"],
                scale=message["scale"],
                mmPerPx=None if spacing is None else (float(spacing[0]), float(spacing[1])),
                scaleReason=message["scale_reason"] or "",
                warnings=tuple(map(harmless, message["warnings"])),
                refusal=harmless(message["refusal"] or ""),
                size=None if message.get("size") is None else (message["size"][0], message["size"][1]),
                machine=harmless(message.get("machine") or ""),
                depth=message.get("depth_mm"),
            )
        )
