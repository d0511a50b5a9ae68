"""What the command line prints: JSON for machines, aligned lines for people, messages on standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any

_LONG = 8


def say(text: str) -> None:
    """Prints a message for people on standard error."""
    print(f"echoapex: {harmless(text)}", file=sys.stderr, flush=True)


def harmless(text: str) -> str:
    """``text`` on one line without what steers a terminal: names of files may hold any character."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def print_json(value: object) -> None:
    """Prints one JSON value on standard output; what is not a finite number becomes null."""
    print(json.dumps(plain(value), indent=2, allow_nan=False))


def print_record(record: Mapping[str, Any]) -> None:
    """Prints one ``name  value`` line for each entry, long lists shortened to their ends."""
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        print(harmless(f"{name:<{width}}  {_short(plain(value))}").rstrip())


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints rows of text in aligned columns under a header."""
    lines = [tuple(header), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        print(harmless("  ".join(cells)).rstrip())


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
