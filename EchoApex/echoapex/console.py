"""What the command line prints: JSON for machines, aligned lines for people, messages on standard error.

Nothing else prints: names of files and texts out of them may hold any character, also those that steer a terminal.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any, NoReturn, TextIO

_LONG = 8


@dataclass
class _Messages:
    as_events: bool = False


_messages = _Messages()


@contextmanager
def events_for_machines() -> Iterator[None]:
    """While it lasts, messages on standard error are JSON too: one event a line, as of `tell_event`."""
    before, _messages.as_events = _messages.as_events, True
    try:
        yield
    finally:
        _messages.as_events = before


def tell_event(record: Mapping[str, Any]) -> None:
    """Prints an event on standard error, as one line of JSON; what is not a finite number becomes null."""
    _print(json.dumps(plain(record), allow_nan=False), sys.stderr)
    sys.stderr.flush()


def say(text: str) -> None:
    """Prints a message for people on standard error."""
    tell(text if _messages.as_events else f"echoapex: {text}")


def tell(text: str) -> None:
    """Prints a line on standard error; the event ``message`` where those are wanted."""
    if _messages.as_events:
        tell_event({"event": "message", "text": harmless(text)})
        return
    _print(harmless(text), sys.stderr)
    sys.stderr.flush()


def print_line(text: object = "") -> None:
    """Prints one line on standard output."""
    _print(harmless(str(text)), sys.stdout)


def harmless(text: str) -> str:
    """``text`` on one line without what steers a terminal: names of files may hold any character."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def print_json(value: object) -> None:
    """Prints one JSON value on standard output; what is not a finite number becomes null."""
    _print(json.dumps(plain(value), indent=2, allow_nan=False), sys.stdout)


def print_record(record: Mapping[str, Any]) -> None:
    """Prints one ``name  value`` line for each entry, long lists shortened to their ends."""
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        print_line(f"{name:<{width}}  {_short(plain(value))}".rstrip())


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints rows of text in aligned columns under a header."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        print_line("  ".join(cells).rstrip())


class Parser(argparse.ArgumentParser):
    """A parser whose refusals do not steer either: a shell gives names of files as arguments."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with a message."""
        super().error(harmless(message))


@contextmanager
def harmless_libraries() -> Iterator[None]:
    """While it lasts, what libraries warn of and log where nobody listens passes through here as well.

    Such warnings quote what stands in a file.
    """
    handler = logging.lastResort
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        logging.lastResort = _Harmless(logging.WARNING)
        try:
            yield
        finally:
            logging.lastResort = handler


class _Harmless(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        tell(self.format(record))


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    tell(f"{category.__name__}: {message}")


def _print(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream)
    except UnicodeEncodeError:
        encoding = stream.encoding or "ascii"
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def plain(value: Any) -> Any:
    """``value`` made of what JSON knows: NumPy values, paths, enums, dataclasses become plain, NaN None."""
    if is_dataclass(value):
        return plain(vars(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _short(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        if len(value) > _LONG:
            return f"{len(value)} values, {_short(value[0])} ... {_short(value[-1])}"
        return ", ".join(_short(item) for item in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_short(item)}" for key, item in value.items())
    return str(value)
