"""Scores with 95 % intervals beside the best constant predictor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray], float]

RESAMPLES = 1000
_SEED = 20_150_101


def interval(groups: Sequence[FloatArray], statistic: Statistic) -> tuple[float, float] | None:
    """95 % percentile bootstrap over patients: ``groups`` holds one array of rows per patient.

    Whole patients are drawn again, never single rows. None for fewer than 5 patients.
    """
    if len(groups) < 5:
        return None
    rng = np.random.default_rng(_SEED)
    values = []
    for _ in range(RESAMPLES):
        pick = rng.integers(len(groups), size=len(groups))
        values.append(statistic(np.concatenate([groups[i] for i in pick])))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def score(
    groups: Sequence[FloatArray],
    statistic: Statistic = lambda rows: float(np.mean(rows)),
    constant: float | None = None,
) -> dict[str, Any]:
    """``{"value", "ci", "constant"}`` of ``statistic`` over all rows, as `echoapex evaluate` prints it."""
    rows = np.concatenate([np.asarray(g, np.float64) for g in groups])
    return {"value": float(statistic(rows)), "ci": interval(groups, statistic), "constant": constant}


def agreement(pairs: Sequence[FloatArray], prefix: str) -> dict[str, dict[str, Any]]:
    """MAE, bias, 95 % limits of agreement (half width) and R2 of ``[n, 2]`` rows (estimate, truth) by patient.

    The constant predictor is the median of the truth on the same data (best for MAE); for R2 it is the mean, so 0.
    """
    truth = np.concatenate([p[:, 1] for p in pairs])
    constant = float(np.mean(np.abs(truth - np.median(truth))))
    spread = float(1.96 * np.std(truth - np.median(truth)))
    return {
        f"{prefix}_mae": score(pairs, lambda r: float(np.mean(np.abs(r[:, 0] - r[:, 1]))), constant),
        f"{prefix}_bias": score(
            pairs, lambda r: float(np.mean(r[:, 0] - r[:, 1])), float(np.median(truth) - truth.mean())
        ),
        f"{prefix}_loa": score(pairs, lambda r: float(1.96 * np.std(r[:, 0] - r[:, 1])), spread),
        f"{prefix}_r2": score(pairs, r_squared, 0.0),
    }


def r_squared(pairs: FloatArray) -> float:
    """Coefficient of determination of ``[n, 2]`` rows (estimate, truth): 1 - residual over total sum of squares."""
    residual = np.sum((pairs[:, 0] - pairs[:, 1]) ** 2)
    total = np.sum((pairs[:, 1] - pairs[:, 1].mean()) ** 2)
    return float(1 - residual / total) if total > 0 else float("nan")


def dice(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice overlap; 1 where both are empty."""
    total = np.count_nonzero(mask) + np.count_nonzero(truth)
    return 1.0 if total == 0 else float(2 * np.count_nonzero(mask & truth) / total)


def surface_distance_mm(mask: NDArray[np.bool_], truth: NDArray[np.bool_], mm_per_px: tuple[float, float]) -> float:
    """Mean symmetric distance between the two borders in mm; NaN where one mask is empty."""
    from scipy import ndimage

    if not mask.any() or not truth.any():
        return float("nan")
    borders = [m & ~ndimage.binary_erosion(m) for m in (mask, truth)]
    away = [ndimage.distance_transform_edt(~border, sampling=mm_per_px) for border in borders]
    return float((away[1][borders[0]].mean() + away[0][borders[1]].mean()) / 2)


def best_constant_mask(coverage: NDArray[np.floating]) -> NDArray[np.bool_]:
    """The fixed mask with the best mean Dice on ``coverage [N, h, w]`` (0..1): the mean mask at its best threshold."""
    mean, truths = coverage.mean(0), coverage >= 0.5
    levels = np.linspace(0.1, 0.9, 17) * mean.max()
    return max((mean >= level for level in levels), key=lambda m: float(np.mean([dice(m, t) for t in truths])))
