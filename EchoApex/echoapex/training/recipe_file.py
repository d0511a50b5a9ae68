"""Recipes as TOML files that name what differs from the defaults; of a wrong name the nearest right one is told."""

from __future__ import annotations

import difflib
import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, cast

from ..errors import EchoApexError

_Kind = TypeVar("_Kind")
_NUMBERS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float)}
_PAIR = "tuple[float, float]"
_MOST_BYTES = 2**20


def parsed_toml(path: Path) -> dict[str, Any]:
    """What a recipe file says; raises `EchoApexError` for one that cannot be read or is no TOML."""
    try:
        with path.open("rb") as stream:
            text = stream.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise EchoApexError(f"A recipe takes at most {_MOST_BYTES:,} bytes", file=path)
        return tomllib.loads(text.decode("utf-8"))
    except OSError as error:
        raise EchoApexError("The recipe cannot be read", value=error.strerror, file=path) from None
    except RecursionError:
        raise EchoApexError("A recipe is a TOML file in UTF-8", value="lists too deep", file=path) from None
    except ValueError as error:
        raise EchoApexError("A recipe is a TOML file in UTF-8", value=error, file=path) from None


def recipe_of(kind: type[_Kind], table: dict[str, Any], file: Path) -> _Kind:
    """A recipe of the dataclass ``kind`` from what a file says; what it does not say has the default.

    Raises `EchoApexError` naming the entry that is unknown (with the nearest one), missing, or of another type.
    """
    known = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    for name in table:
        if name not in known:
            raise EchoApexError(_unknown(name, list(known)), value=name, file=file)
    values = {name: _value(name, known[name], value, file) for name, value in table.items()}
    try:
        return kind(**values)
    except TypeError as error:
        # Python lists what has no default and was not given.
        missing = str(error).partition("argument")[2].lstrip("s:").strip()
        raise EchoApexError("A recipe needs these entries", value=missing, file=file) from None


def recipe_text(recipe: Any) -> str:
    """All entries of a recipe as TOML, so that later defaults do not change what a run was."""
    return "".join(f"{field.name} = {_toml(getattr(recipe, field.name))}\n" for field in fields(recipe))


def differing(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """The entries in which a recipe differs from another, in words: ``batch 8 there, 4 here``."""
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    return [f"{name} {_toml(theirs.get(name))} there, {_toml(ours.get(name))} here" for name in names]


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"A recipe has no entry {name}; did you mean {near[0]}?" if near else f"A recipe has no entry {name}"


def _value(name: str, kind: str, value: Any, file: Path) -> Any:
    if kind == _PAIR:
        if isinstance(value, list) and len(value) == 2 and all(_is(item, "float") for item in value):
            return float(value[0]), float(value[1])
        raise EchoApexError(f"{name} of a recipe is a list of two numbers", value=value, file=file)
    if not _is(value, kind):
        words = {"str": "a text", "bool": "true or false", "int": "a whole number", "float": "a number"}[kind]
        raise EchoApexError(f"{name} of a recipe is {words}", value=value, file=file)
    return float(value) if kind == "float" else value


def _is(value: object, kind: str) -> bool:
    # To Python True is a number, in a recipe it is not.
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and not isinstance(value, bool)
    return isinstance(value, str if kind == "str" else bool)


def _toml(value: object) -> str:
    """A text, number, truth value or pair as TOML; JSON writes them the same way, but for tuples."""
    return json.dumps(list(cast(tuple[float, ...], value)) if isinstance(value, tuple) else value, ensure_ascii=False)
