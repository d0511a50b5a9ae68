"""How sure a fan is that was found in a picture."""

from __future__ import annotations

import numpy as np

from ..cine import BoolMask
from .convex_hull import convex_hull
from .fan_evidence import Evidence
from .fan_fitting import Fan

# Own choices, tried on simulated screens: for each sign its values, and how sure a fan is by it. Of simulated fans that
# agree with the truth by 0.85 or more (intersection over union) no sign is below the least certainty in which is
# measured.
_EXPLAINED = ((0.91, 0.99), (0.0, 1.0))  # share of all that is seen that lies in the fan
_AROUND = ((0.0, 0.1), (1.0, 0.0))  # share of what is around the fan that is seen
_FOREIGN = ((0.05, 0.2), (1.0, 0.0))  # share of the fan in which something else is seen
_FILLED = ((0.0, 0.3, 0.7), (0.0, 0.66, 1.0))  # share of the fan in which something is seen
_AGREEMENT = ((0.3, 0.55, 0.95), (0.0, 0.66, 1.0))  # of fan and hull of what is seen, intersection over union
_INNER = ((0.3, 0.6), (1.0, 0.0))  # inner radius as share of the outer; few probes are so convex
_RING = (1.5, 6.0)  # cells beyond the fan that are around it


def fan_certainty(evidence: Evidence, fan: Fan, slack: float) -> float:
    """How sure ``fan`` is by its weakest sign, 0 to 1; what lies less than ``slack`` cells beside it counts as inside.

    What is black tells nothing: a fan whose sides or corners are black as its background may be wider or narrower than
    the true one, and as sure.
    """
    seen, shape = evidence.image, evidence.image.shape
    inside, wide = fan.mask(shape), fan.mask(shape, slack)
    within = convex_hull(seen & wide)
    if within is None or not inside.any():
        return 0.0
    worth = evidence.worth(0.0).clip(min=0)
    ring = fan.mask(shape, _RING[1]) & ~fan.mask(shape, _RING[0])
    signs = (
        (float(worth[wide].sum() / worth.sum()), _EXPLAINED),
        (_share(seen, ring), _AROUND),
        (_share(evidence.foreign, inside), _FOREIGN),
        (_share(seen, inside), _FILLED),
        (float((inside & within).sum() / (inside | within).sum()), _AGREEMENT),
        (fan.near / fan.far, _INNER),
    )
    return min(float(np.interp(value, *points)) for value, points in signs)


def _share(cells: BoolMask, of: BoolMask) -> float:
    return float(cells[of].mean()) if of.any() else 0.0
