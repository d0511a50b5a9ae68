"""What all tables are made of: rows grouped by patient, and scores by the name of their metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ...console import plain
from ..bootstrap_scores import FloatArray, Score, score

Table = dict[str, Score]
Tables = dict[str, Table]
"""``{task: {metric: {"value", "ci", "constant"}}}``."""


def by_patient(rows: Iterable[Sequence[Any]]) -> list[FloatArray]:
    """``rows`` of each patient as an array; rows with NaN are left out, and patients without any."""
    groups = []
    for group in (np.asarray(one, np.float64) for one in rows):
        if group.size:
            known = np.isfinite(group) if group.ndim == 1 else np.isfinite(group).all(axis=1)
            groups.append(group[known])
    return [group for group in groups if len(group)]


def add(table: Table, name: str, groups: Sequence[FloatArray], **options: Any) -> None:
    """Adds a `score` to ``table`` where there is anything to score."""
    if groups:
        table[name] = score(groups, **options)


def median_error(values: FloatArray) -> float:
    """Mean error of always answering the median, the best fixed guess of ``values``."""
    return float(np.mean(np.abs(values - np.median(values))))


def cells(found: Score) -> tuple[str, str, str]:
    """Value, interval and constant of a score as text, a dash where there is none."""
    interval = found["ci"]
    between = "-" if interval is None else " to ".join(map(_number, interval))
    return _number(found["value"]), between, _number(found["constant"])


def _number(value: Any) -> str:
    return "-" if plain(value) is None else f"{value:.4g}"


def names_in(values: Iterable[str]) -> list[str]:
    """Each name once, in the order of first appearance."""
    return list(dict.fromkeys(values))
