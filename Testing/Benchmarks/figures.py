"""What a benchmark found, beside its goal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Goal:
    """At least ``bound``, or ``at_most`` that."""

    bound: float
    at_most: bool = False

    def __str__(self) -> str:
        return f"{'<=' if self.at_most else '>='} {self.bound:g}"

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound


@dataclass(frozen=True)
class Figure:
    """A number with the lowest and highest of the rounds; None where it could not be measured, which ``how`` explains.

    ``unit`` is "" for a ratio, ``how`` says in a few words what was measured, ``parts`` what it is made of.
    """

    value: float | None
    lowest: float | None = None
    highest: float | None = None
    goal: Goal | None = None
    unit: str = ""
    how: str = ""
    parts: Mapping[str, float] | None = None

    def plain(self) -> dict[str, object]:
        """As JSON has it; ``met`` is null where there is no goal or nothing was measured."""
        judged = self.goal is not None and self.value is not None
        told = {"goal": None if self.goal is None else str(self.goal), "met": self._met if judged else None}
        return {**vars(self), **told}

    @property
    def _met(self) -> bool:
        assert self.goal is not None and self.value is not None
        return self.goal.met(self.value)

    def __str__(self) -> str:
        if self.value is None:
            return f"not measured: {self.how}"
        text = f"{self.value:.2f}{self.unit and ' '}{self.unit}"
        if self.lowest is not None and self.highest is not None:
            text += f" ({self.lowest:.2f} to {self.highest:.2f})"
        text += "; no goal" if self.goal is None else f"; goal {self.goal}, {'met' if self._met else 'NOT MET'}"
        made_of = ", ".join(f"{name} {value:.2f}" for name, value in (self.parts or {}).items())
        return "; ".join(filter(None, [text, made_of, self.how]))


def ratio(above: Sequence[float], below: Sequence[float], goal: Goal | None = None, how: str = "") -> Figure:
    """The median of the ratios of the rounds."""
    each = [a / b for a, b in zip(above, below, strict=True)]
    return spread(median(each), each, goal, how)


def spread(value: float, rounds: Iterable[float], goal: Goal | None = None, how: str = "") -> Figure:
    """``value`` with the lowest and highest of the same in each round."""
    each = sorted(rounds)
    return Figure(value, each[0], each[-1], goal, how=how)
