"""Cardiac output: stroke volume by the outlines times the heart rate of the same beats, in L/min.

Without a leak between the chambers it is what the heart pumps; with mitral or aortic regurgitation it is more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..errors import MeasureError
from .biplane_ef import MAX_RATE_DIFFERENCE
from .measurement import Measurement
from .plausibility import judge
from .single_plane_ef import LVResult

_ML_PER_L = 1000.0


NAME = "CO"


@dataclass(frozen=True)
class ClipRates:
    """Heart rates (1/min) of a clip: ``measured`` from ED to ED, ``stated`` by the header; None where unknown."""

    clip: str
    measured: Measurement | None
    stated: float | None


def rates_of(lv: LVResult, stated: float | None) -> ClipRates:
    """The heart rates of the clip of ``lv``; its header has ``stated`` one."""
    measured = next((item for item in lv.measurements if item.name == "HR" and item.value is not None), None)
    return ClipRates(lv.clip, measured, stated)


def outputs(
    items: Sequence[Measurement], method: str, rates: Sequence[ClipRates], file: str | Path | None = None
) -> tuple[tuple[Measurement, ...], tuple[MeasureError, ...]]:
    """The cardiac output by the stroke volume among ``items`` that is by ``method``, or the reason why there is none.

    Without such a stroke volume there is neither.
    """
    volume = next((item for item in items if (item.name, item.method) == ("LVSV", method)), None)
    if volume is None:
        return (), ()
    try:
        judgment = judge([cardiac_output(volume, rates)], file)
    except MeasureError as refusal:
        rule = f"No cardiac output ({NAME}, {method}): {refusal.rule}"
        return (), (MeasureError(rule, value=refusal.value, file=file),)
    return judgment.kept, judgment.reasons


def cardiac_output(stroke_volume: Measurement, rates: Sequence[ClipRates]) -> Measurement:
    """``CO`` (L/min) by the method of ``stroke_volume`` (mL), and the mean of the ``rates`` of the clips it comes from.

    The rate is that of the beats, ED to ED; where a clip holds no whole beat its header's, which a warning says. Raises
    `MeasureError` where a clip has neither, its two rates differ by over `MAX_RATE_DIFFERENCE` of the larger, or those
    of the clips do.
    """
    if stroke_volume.value is None or not rates:
        raise MeasureError("there is no stroke volume")
    used, notes = zip(*(_rate(clip) for clip in rates), strict=True)
    if max(used) - min(used) > MAX_RATE_DIFFERENCE * max(used):
        found = " and ".join(f"{rate:.0f}/min" for rate in used)
        raise MeasureError(f"the heart rates of its clips differ by over {MAX_RATE_DIFFERENCE:.0%}", value=found)
    parts = [stroke_volume, *(clip.measured for clip in rates if clip.measured is not None)]
    return replace(
        stroke_volume,
        name=NAME,
        value=stroke_volume.value * float(np.mean(used)) / _ML_PER_L,
        unit="L/min",
        sources=tuple(dict.fromkeys(source for part in parts for source in part.sources)),
        warnings=tuple(dict.fromkeys((*filter(None, notes), *stroke_volume.warnings))),
        reference=None,
        grade=None,
    )


def _rate(clip: ClipRates) -> tuple[float, str]:
    """The rate that counts, and words where it is not that of the beats."""
    measured = None if clip.measured is None else clip.measured.value
    if measured is None:
        if clip.stated is None:
            raise MeasureError(f"clip {clip.clip} holds no whole beat, and its file states no heart rate")
        said = (
            f"The cardiac output is by the heart rate that the file of clip {clip.clip} states, {clip.stated:.0f}/min"
        )
        return clip.stated, f"{said}, since it holds no whole beat"
    if clip.stated is not None and abs(measured - clip.stated) > MAX_RATE_DIFFERENCE * max(measured, clip.stated):
        rates = f"{measured:.0f} and {clip.stated:.0f}/min"
        raise MeasureError(f"the beats of clip {clip.clip} and its file contradict each other", value=rates)
    return measured, ""
