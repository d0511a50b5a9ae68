"""Scores with 95 % intervals beside the best constant predictor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], float]
Score = dict[str, Any]
"""``{"value", "ci", "constant"}``: a number, its 95 % interval or None, what a constant predictor gets or None."""

RESAMPLES = 1000
BINS = 10
"""Bins of equal width in which predicted and reached Dice are compared (our choice)."""
_SEED = 20_150_101
_FEWEST_GROUPS = 5


def interval(groups: Sequence[FloatArray], statistic: Statistic) -> tuple[float, float] | None:
    """95 % percentile bootstrap over patients: ``groups`` holds one array of rows per patient.

    Whole patients are drawn again, never single rows. None for fewer than 5 patients, or when the statistic has no
    value for any draw.
    """
    if len(groups) < _FEWEST_GROUPS:
        return None
    rng = np.random.default_rng(_SEED)
    rows = np.concatenate(groups)
    ends = np.cumsum([len(group) for group in groups])
    members = [np.arange(end - len(group), end) for end, group in zip(ends, groups, strict=True)]
    values = []
    for _ in range(RESAMPLES):
        pick = rng.integers(len(groups), size=len(groups))
        values.append(statistic(rows[np.concatenate([members[i] for i in pick])]))
    known = np.asarray(values)[np.isfinite(values)]
    if not known.size:
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def mean(rows: FloatArray) -> float:
    """Mean of the rows."""
    return float(np.mean(rows))


def score(groups: Sequence[FloatArray], statistic: Statistic = mean, constant: float | None = None) -> Score:
    """`Score` of ``statistic`` over the rows of all patients; patients without rows do not count."""
    kept = [np.asarray(group, np.float64) for group in groups if len(group)]
    return {"value": float(statistic(np.concatenate(kept))), "ci": interval(kept, statistic), "constant": constant}


def count(number: int) -> Score:
    """How many there are: a `Score` without interval."""
    return {"value": float(number), "ci": None, "constant": None}


def agreement(pairs: Sequence[FloatArray]) -> dict[str, Score]:
    """``mae bias loa r2 ratio`` of ``[n, 2]`` rows (estimate, truth) by patient; ``loa`` is the half width.

    ``ratio`` is the MAE over that of the constant predictor, which answers the median of the truth on the same data
    (the constant with the least MAE; Bland and Altman 1986 for bias and limits); for R2 it is the mean, so 0.
    """
    kept = [p for p in pairs if len(p)]
    truth = np.concatenate([p[:, 1] for p in kept])
    off = np.median(truth) - truth
    return {
        "mae": score(kept, mean_absolute_error, float(np.mean(np.abs(off)))),
        "bias": score(kept, lambda r: float(np.mean(r[:, 0] - r[:, 1])), float(np.mean(off))),
        "loa": score(kept, lambda r: float(1.96 * np.std(r[:, 0] - r[:, 1])), float(1.96 * np.std(off))),
        "r2": score(kept, r_squared, 0.0),
        "ratio": score(kept, ratio_to_constant, 1.0),
    }


def mean_absolute_error(pairs: FloatArray) -> float:
    """Mean of |estimate - truth| of ``[n, 2]`` rows (estimate, truth)."""
    return float(np.mean(np.abs(pairs[:, 0] - pairs[:, 1])))


def ratio_to_constant(pairs: FloatArray) -> float:
    """MAE of ``[n, 2]`` rows (estimate, truth) over that of answering the median; NaN where the truth never varies."""
    constant = float(np.mean(np.abs(pairs[:, 1] - np.median(pairs[:, 1]))))
    return mean_absolute_error(pairs) / constant if constant > 0 else float("nan")


def r_squared(pairs: FloatArray) -> float:
    """Coefficient of determination of ``[n, 2]`` rows (estimate, truth): 1 - residual over total sum of squares."""
    residual = np.sum((pairs[:, 0] - pairs[:, 1]) ** 2)
    total = np.sum((pairs[:, 1] - pairs[:, 1].mean()) ** 2)
    return float(1 - residual / total) if total > 0 else float("nan")


def correlation(pairs: FloatArray) -> float:
    """Pearson's correlation of ``[n, 2]`` rows; NaN where either column never varies."""
    one, other = pairs[:, 0], pairs[:, 1]
    return float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 and other.std() > 0 else float("nan")


def beyond(values: ArrayLike, low: ArrayLike, high: ArrayLike) -> FloatArray:
    """How far values lie below (negative) or above the spans ``low`` to ``high`` of right answers; 0 within."""
    return np.asarray(np.asarray(values) - np.clip(values, low, high), np.float64)


def area_under_curve(rows: FloatArray) -> float:
    """Area under the ROC curve of ``[n, 2]`` rows (warning, event 0 or 1): the larger the warning, the likelier.

    The share of pairs of an event and a non-event in which the event was warned of more, ties as half (Hanley and
    McNeil, Radiology 1982;143:29). NaN where there are only events or none.
    """
    from scipy.stats import rankdata

    event = rows[:, 1] > 0.5
    events, others = int(np.count_nonzero(event)), int(np.count_nonzero(~event))
    if not events or not others:
        return float("nan")
    ranks = rankdata(rows[:, 0])
    return float((ranks[event].sum() - events * (events + 1) / 2) / (events * others))


def calibration_error(rows: FloatArray) -> float:
    """Expected calibration error of ``[n, 2]`` rows (predicted, reached): |mean - mean| in each bin, weighted by size.

    Naeini et al., AAAI 2015, here for Dice in place of a probability.
    """
    return float(sum(n * abs(predicted - reached) for predicted, reached, n in reliability(rows)) / len(rows))


def reliability(rows: FloatArray) -> list[tuple[float, float, int]]:
    """Mean predicted, mean reached and count of ``[n, 2]`` rows (predicted, reached) in each of `BINS` filled bins."""
    place = np.clip((rows[:, 0] * BINS).astype(int), 0, BINS - 1)
    bins = [rows[place == k] for k in range(BINS)]
    return [(float(b[:, 0].mean()), float(b[:, 1].mean()), len(b)) for b in bins if len(b)]


def dice(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice overlap; 1 where both are empty."""
    total = np.count_nonzero(mask) + np.count_nonzero(truth)
    return 1.0 if total == 0 else float(2 * np.count_nonzero(mask & truth) / total)


def surface_distance_mm(mask: NDArray[np.bool_], truth: NDArray[np.bool_], mm_per_px: tuple[float, float]) -> float:
    """Mean symmetric distance between the two borders in mm; NaN where one mask is empty."""
    from scipy import ndimage

    if not mask.any() or not truth.any():
        return float("nan")
    # What lies outside of both has no part in it.
    seen = mask | truth
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    cut = [np.pad(m[box], 1) for m in (mask, truth)]
    borders = [m & ~ndimage.binary_erosion(m) for m in cut]
    away = [ndimage.distance_transform_edt(~border, sampling=mm_per_px) for border in borders]
    return float((away[1][borders[0]].mean() + away[0][borders[1]].mean()) / 2)


def best_constant_mask(coverage: NDArray[np.floating]) -> NDArray[np.bool_]:
    """The fixed mask with the best mean Dice on ``coverage [N, h, w]`` (0..1): the mean mask at its best threshold."""
    middle, truths = coverage.mean(0), coverage >= 0.5
    levels = np.linspace(0.1, 0.9, 17) * middle.max()
    return max((middle >= level for level in levels), key=lambda m: float(np.mean([dice(m, t) for t in truths])))
