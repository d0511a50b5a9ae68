"""What the tests of the Host's stand-ins share."""

from __future__ import annotations

from typing import Any


def recorded(*signals: Any) -> list[Any]:
    """What the signals say, in order, as (index of the signal, argument)."""
    seen: list[Any] = []
    for index, signal in enumerate(signals):
        signal.connect(lambda value, index=index: seen.append((index, value)))
    return seen
