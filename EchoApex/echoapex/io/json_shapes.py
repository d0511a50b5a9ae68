"""What plain data from JSON must look like, said once and checked before anything is made of it.

A `Shape` is called with a value and the place where it stands (``clips[0].beats``), and raises `ShapeError` where the
value is something else. To Python True is 1 and 1 is 1.0; here a truth value is no number, and 1.0 no whole number. A
tuple is as good as a list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import EchoApexError
from .quoting import quoted

Shape = Callable[[Any, str], None]


class ShapeError(ValueError):
    """A value is not what it must be: ``str`` says where, what is needed, and what was found as far as may be told."""

    def __init__(self, place: str, needed: str, value: object) -> None:
        super().__init__(f"{place or 'it'} must be {needed}, and is {_told(value)}")


class MissingError(ShapeError):
    """An entry that must be there is not."""

    def __init__(self, place: str) -> None:
        ValueError.__init__(self, f"{place} is missing")


def _told(value: object) -> str:
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return repr(value) if isinstance(value, float) or _is_number(value) else "another number or thing"


def check_shape(
    value: Any,
    shape: Shape,
    rule: str,
    *,
    file: str | Path | None = None,
    kind: type[EchoApexError] = EchoApexError,
) -> None:
    """Raises ``kind`` with the ``rule`` where ``value`` has not this ``shape``; what is wrong is its value."""
    try:
        shape(value, "")
    except ShapeError as wrong:
        raise kind(rule, value=wrong, file=file) from None


def anything(_value: Any, _place: str) -> None:
    """Whatever JSON can say."""


def text(value: Any, place: str) -> None:
    """Any text."""
    if not isinstance(value, str):
        raise ShapeError(place, "a text", value)


def truth(value: Any, place: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        raise ShapeError(place, "true or false", value)


def whole(least: int = 0, most: int = 2**31 - 1) -> Shape:
    """A whole number from ``least`` to ``most``."""

    def check(value: Any, place: str) -> None:
        if type(value) is not int or not least <= value <= most:
            raise ShapeError(place, f"a whole number from {least} to {most}", value)

    return check


def number(least: float = -math.inf, most: float = math.inf) -> Shape:
    """A finite number from ``least`` to ``most``."""
    span = "" if math.isinf(least) and math.isinf(most) else f" from {least:g} to {most:g}"

    def check(value: Any, place: str) -> None:
        if not _is_number(value) or not least <= value <= most:
            raise ShapeError(place, f"a finite number{span}", value)

    return check


def _is_number(value: object) -> bool:
    """Whether it is a finite number that a float can hold."""
    if type(value) is int:
        return abs(value) < 2**63
    return isinstance(value, float) and math.isfinite(value)


def one_of(*values: str | int) -> Shape:
    """One of these texts or whole numbers."""

    def check(value: Any, place: str) -> None:
        if not any(type(value) is type(one) and value == one for one in map(_bare, values)):
            raise ShapeError(place, f"one of {', '.join(map(str, values))}", value)

    return check


def _bare(value: str | int) -> str | int:
    """Members of an enumeration are texts of another type."""
    return str(value) if isinstance(value, str) else value


def or_null(shape: Shape) -> Shape:
    """Null, or of this shape."""

    def check(value: Any, place: str) -> None:
        if value is not None:
            shape(value, place)

    return check


def list_of(shape: Shape, count: int | None = None) -> Shape:
    """A list of what has this shape; of ``count`` of them where that is given."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list | tuple):
            raise ShapeError(place, "a list", value)
        if count is not None and len(value) != count:
            raise ShapeError(place, f"a list of {count}", value)
        for index, item in enumerate(value):
            shape(item, f"{place}[{index}]")

    return check


def row(*shapes: Shape) -> Shape:
    """A list with one value of each of these shapes."""

    def check(value: Any, place: str) -> None:
        list_of(anything, len(shapes))(value, place)
        for index, (shape, item) in enumerate(zip(shapes, value, strict=True)):
            shape(item, f"{place}[{index}]")

    return check


def table_of(shape: Shape) -> Shape:
    """An object with any names, its values of this shape."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise ShapeError(place, "an object", value)
        for name, item in value.items():
            shape(item, _inside(place, quoted(name)))

    return check


def record(
    needed: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None, *, more_allowed: bool = False
) -> Shape:
    """An object with the ``needed`` entries; ``optional`` ones may be there, others only where ``more_allowed``."""
    more = optional or {}

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise ShapeError(place, "an object", value)
        for name in needed:
            if name not in value:
                raise MissingError(_inside(place, name))
        for name, item in value.items():
            shape = needed.get(name) or more.get(name)
            if shape is not None:
                shape(item, _inside(place, name))
            elif not more_allowed:
                raise ShapeError(place, f"without an entry {quoted(name)}", value)

    return check


def _inside(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
