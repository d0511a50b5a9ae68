"""Whether a picture stands on its head for certain, so that it may be turned where a model looks at it."""

from __future__ import annotations

import numpy as np

from ..cine import BoolMask, Cine, Sector
from .fan_fitting import fit_fan
from .sector_detection import LEAST_CERTAINTY, probe_at_top

# Own choices, tried on simulated sectors, whole and cut, upright and turned.
_CELLS = 160  # along the longer side, in which the sector is looked at
_EMPTY_COSTS = 0.3  # of a cell of the fan that is not in the sector
_AGREEMENT = 0.85  # of fan and sector, intersection over union
_BETTER = 0.05  # by which the fan must agree better when the sector is turned
_SLANT = np.deg2rad(10)  # by which the axis may be off straight up


def seen_turned(cine: Cine) -> bool:
    """Whether a model is shown the clip with its rows in reverse: a picture on its head that the user has not turned.

    Everything that is found lies in the pixels of the file nevertheless.
    """
    return cine.flip is None and surely_on_its_head(cine.sector)


def surely_on_its_head(sector: Sector) -> bool:
    """Whether the sector was found surely, is widest in its upper part and is a fan only when it is turned."""
    if sector.certainty < LEAST_CERTAINTY or probe_at_top(sector) is not False:
        return False
    x0, y0, x1, y1 = sector.box
    step = max(1, max(x1 - x0, y1 - y0) // _CELLS)
    # With black around it, since a fan is fitted by what lies beside it, too.
    part = np.pad(sector.mask[y0 : y1 + 1 : step, x0 : x1 + 1 : step], _CELLS // 8)
    turned = _agreement(part[::-1])
    return turned >= _AGREEMENT and turned >= _agreement(part) + _BETTER


def _agreement(part: BoolMask) -> float:
    """Intersection over union of a sector with the fan that fits it, 0 where that does not open downward."""
    worth = np.where(part, 1.0, -_EMPTY_COSTS)
    fitted = fit_fan(worth, worth)
    if fitted is None or abs(fitted.fan.axis) > _SLANT:
        return 0.0
    # Sides may be cut off by the box.
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    fan = fitted.fan.mask(part.shape)[box]
    return float((fan & part[box]).sum() / (fan | part[box]).sum())
