"""What is drawn over time for a clip: volume or area of the left ventricle, or its inner diameter in PLAX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ..analysis.clip_analysis import ClipResult
from ..cine import FloatArray
from ..measure.biplane_volume_curve import BiplaneCurve
from ..measure.measurement import Beat
from .display_names import unit

_DECIMALS = {"mL": 1, "mm": 1, "px": 0}


@dataclass(frozen=True)
class Curve:
    """What is drawn: ``values [T]``, NaN where not measured.

    ``moments [T]`` is where each value lies on the axis named ``axis``. ``truth [T]`` is None where it is not known;
    ``description`` is what the drawing shows, for those who cannot see it.
    """

    title: str
    description: str
    values: FloatArray
    moments: FloatArray
    axis: str
    beats: tuple[Beat, ...]
    truth: FloatArray | None = None
    truth_title: str = "true volume"


def clip_curve(clip: ClipResult, true_volume_ml: FloatArray | None = None) -> Curve | None:
    """The curve of a clip, None where nothing was measured over time; ``true_volume_ml [T]`` stands beside volumes."""
    found = _values(clip)
    if found is None:
        return None
    what, values, measured_in = found
    kind = ", simulated" if clip.cine.simulated else ""
    truth = true_volume_ml if measured_in == "mL" else None
    words = f"{what} in clip {clip.id}: {_extent(values, measured_in)}"
    seconds = clip.cine.times.seconds
    moments = np.arange(len(values), dtype=np.float64) if seconds is None else seconds
    axis = "Frame" if seconds is None else "Time (s)"
    return Curve(what + kind, words, values, moments, axis, clip.beats, truth)


def biplane_volume_curve(curve: BiplaneCurve, *, simulated: bool) -> Curve:
    """The biplane volume over the phase of a beat, as a curve to draw."""
    kind = ", simulated" if simulated else ""
    words = f"Biplane LV volume over one beat: {_extent(curve.volume_ml, 'mL')}; {curve.label}"
    axis = f"0 ED, 1 ES, 2 next ED ({curve.label})"
    return Curve(f"LV volume (mL), biplane{kind}", words, curve.volume_ml, curve.phase, axis, ())


def frame_value(clip: ClipResult, frame: int) -> Iterable[str]:
    """The value of the curve in one frame, in words; nothing where there is no curve."""
    found = _values(clip)
    if found is None:
        return
    _, values, measured_in = found
    yield _text(values[frame], measured_in) if np.isfinite(values[frame]) else "not measured"


def _values(clip: ClipResult) -> tuple[str, FloatArray, str] | None:
    """Title, values and unit of the curve."""
    if clip.lv is not None and clip.lv.volume_ml is not None:
        return f"LV volume (mL), disks in {clip.view}", clip.lv.volume_ml, "mL"
    if clip.lv is not None:
        return f"LV area (px) in {clip.view}", clip.lv.area_px, "px"
    # Walls by hand may be all there is.
    if clip.walls is not None and np.isfinite(clip.walls.curves["LVID"]).any():
        measured_in = clip.walls.unit
        return f"LV inner diameter ({measured_in}) in {clip.view}", clip.walls.curves["LVID"], measured_in
    return None


def _extent(values: FloatArray, measured_in: str) -> str:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return f"between {_text(low, measured_in)} and {_text(high, measured_in)}"


def _text(value: float, measured_in: str) -> str:
    return f"{value:.{_DECIMALS[measured_in]}f} {unit(measured_in)}"
