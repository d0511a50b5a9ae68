"""What was measured in a clip, without what cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ..errors import MeasureError
from ..measure.disk_summation import AREA_LENGTH
from ..measure.left_atrium import LAResult
from ..measure.measurement import Measurement
from ..measure.plausibility import judge
from ..measure.root_and_atrium import ATRIUM, ROOT, RootResult
from ..measure.single_plane_ef import LVResult
from ..measure.wall_thickness import WallResult

_Result = TypeVar("_Result", LVResult, WallResult, LAResult, RootResult)

_SINGLE = ("HR", "RWT", ROOT, ATRIUM)


def believed(result: _Result | None, file: Path | None) -> tuple[_Result | None, tuple[MeasureError, ...]]:
    """``result`` with the measurements that may be given, and the reasons for those withheld.

    Where a volume, a length, the ejection fraction or the fractional shortening is impossible its outlines or landmarks
    are wrong, so curves and drawings go too: it is None then. Heart rate, relative wall thickness, the diameters of
    aortic root and left atrium and the second method for a volume go by themselves.
    """
    if result is None:
        return None, ()
    judgment = judge(result.measurements, file)
    if any(_carries(item) for item in judgment.impossible):
        return None, judgment.reasons
    return replace(result, measurements=judgment.kept), judgment.reasons


def _carries(item: Measurement) -> bool:
    return item.name not in _SINGLE and not item.method.startswith(AREA_LENGTH)
