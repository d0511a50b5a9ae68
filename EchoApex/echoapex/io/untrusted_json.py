"""JSON that anyone may have written: read within limits, and refused in a sentence where it is more than plain data.

What passes is safe to work with: numbers are finite and fit 64 bits, no object names an entry twice, nothing lies
deeper than `MOST_DEPTH`, and every text can be written as UTF-8. What it has to look like says `json_shapes`.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn

from ..errors import EchoApexError
from .json_shapes import Shape, check_shape

MOST_BYTES = 256 * 2**20
"""Largest JSON text that is read (our choice): the records of a long study take some megabytes."""

MOST_DEPTH = 32
"""How deep lists and objects may lie in each other (our choice; ours stay below 8)."""

_MOST_WHOLE = 2**63


def parse_json(
    text: str | bytes | None,
    rule: str,
    shape: Shape | None = None,
    *,
    file: str | Path | None = None,
    kind: type[EchoApexError] = EchoApexError,
    most_bytes: int = MOST_BYTES,
) -> Any:
    """The value that ``text`` (UTF-8) stands for, of this ``shape`` where one is given.

    Raises ``kind`` with the ``rule`` and what is wrong as its value, for ``text`` None as well.
    """
    try:
        value = _parsed(_decoded(text, most_bytes))
    except (RecursionError, MemoryError):
        raise kind(rule, value="too deep or too large", file=file) from None
    except ValueError as error:
        raise kind(rule, value=error, file=file) from None
    if shape is not None:
        check_shape(value, shape, rule, file=file, kind=kind)
    return value


def read_json(
    file: Path,
    rule: str,
    shape: Shape | None = None,
    *,
    kind: type[EchoApexError] = EchoApexError,
    most_bytes: int = MOST_BYTES,
) -> Any:
    """The value in a ``file``, as `parse_json`.

    Raises ``kind`` also for a file that cannot be read, but `FileNotFoundError` where there is none.
    """
    try:
        if not file.is_file() and file.exists():
            raise kind(rule, value="no regular file", file=file)
        with file.open("rb") as stream:
            data = stream.read(most_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise kind(rule, value=error.strerror, file=file) from None
    return parse_json(data, rule, shape, file=file, kind=kind, most_bytes=most_bytes)


def _decoded(text: str | bytes | None, most_bytes: int) -> str:
    if text is None:
        raise ValueError("nothing")
    # A character takes a byte at least.
    if len(text) > most_bytes:
        raise ValueError(f"more than {most_bytes:,} bytes")
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"no UTF-8 at byte {error.start}") from None


def _parsed(text: str) -> Any:
    value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_number, parse_int=_whole)
    _check_plain(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object names an entry twice")
    return found


def _constant(_text: str) -> NoReturn:
    raise ValueError("a number that is not finite")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value


def _whole(text: str) -> int:
    value = int(text) if len(text) <= 20 else _MOST_WHOLE
    if not -_MOST_WHOLE <= value < _MOST_WHOLE:
        raise ValueError("a whole number of more than 64 bits")
    return value


def _check_plain(value: Any) -> None:
    """Raises `ValueError` for what lies too deep, and for a text with half a character (a lone surrogate)."""
    waiting = [(value, 0)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, str):
            if not item.isascii():
                item.encode()
        elif isinstance(item, dict | list):
            if depth == MOST_DEPTH:
                raise ValueError(f"lists and objects more than {MOST_DEPTH} deep")
            inner = [*item, *item.values()] if isinstance(item, dict) else item
            waiting += [(one, depth + 1) for one in inner if isinstance(one, str | dict | list)]
