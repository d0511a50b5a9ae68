"""Names, methods and values in plain words."""

from __future__ import annotations

from ..analysis.clip_analysis import ClipResult
from ..analysis.clip_view import ViewSource
from ..measure.disk_summation import AREA_LENGTH
from ..measure.measurement import Measurement, Reference
from ..patient import Patient

VIEW_NAMES = {
    "A4C": "Apical four-chamber",
    "A2C": "Apical two-chamber",
    "A3C": "Apical long-axis",
    "A5C": "Apical five-chamber",
    "PLAX": "Parasternal long-axis",
    "PSAX_AV": "Parasternal short-axis, aortic valve",
    "PSAX_MV": "Parasternal short-axis, mitral valve",
    "PSAX_PM": "Parasternal short-axis, papillary muscles",
    "PSAX_APEX": "Parasternal short-axis, apex",
    "SC4C": "Subcostal four-chamber",
    "OTHER": "Other view",
    "UNKNOWN": "View unknown",
}

QUANTITIES = {
    "LVEF": "Ejection fraction",
    "LVEDV": "End-diastolic volume",
    "LVESV": "End-systolic volume",
    "LVSV": "Stroke volume",
    "CO": "Cardiac output",
    "LVEDVI": "End-diastolic volume index",
    "LVESVI": "End-systolic volume index",
    "LVLd": "LV length, end-diastole",
    "LVLs": "LV length, end-systole",
    "IVSd": "Septum, end-diastole (IVSd)",
    "LVIDd": "LV inner diameter, end-diastole (LVIDd)",
    "LVPWd": "Posterior wall, end-diastole (LVPWd)",
    "LVIDs": "LV inner diameter, end-systole (LVIDs)",
    "FS": "Fractional shortening",
    "LVMass": "LV mass",
    "LVMassIndex": "LV mass index",
    "RWT": "Relative wall thickness",
    "LVGeometry": "LV geometry",
    "LAV": "Left atrial volume",
    "LAVI": "Left atrial volume index",
    "LADs": "Left atrial diameter, end-systole",
    "AoRootd": "Aortic root (sinuses), end-diastole",
    "BSA": "Body surface area",
    "HR": "Heart rate",
}
"""The quantities in the order in which they are listed."""

_UNITS = {"1/min": "/min", "mL/m2": "mL/m²", "g/m2": "g/m²", "m2": "m²", "1": ""}
_DECIMALS = {"1": 2, "m2": 2}

_ASE = "Lang et al., ASE/EACVI 2015, doi 10.1016/j.echo.2014.10.003"


def quantity(name: str) -> str:
    """The name of a measurement in words; unknown ones keep their own."""
    return QUANTITIES.get(name, name)


def rank(name: str) -> int:
    """Where a measurement of this name is listed."""
    known = list(QUANTITIES)
    return known.index(name) if name in known else len(known)


def unit(text: str) -> str:
    """A unit as people write it."""
    return _UNITS.get(text, text)


def number(value: float | None, measured_in: str = "") -> str:
    """A value for people: to a tenth, ratios and areas to a hundredth."""
    return "–" if value is None else f"{value:.{_DECIMALS.get(measured_in, 1)}f}"


def with_unit(value: float | None, measured_in: str) -> str:
    """Value and unit; a dash without a value."""
    if value is None:
        return number(None)
    return f"{number(value, measured_in)} {unit(measured_in)}".strip().replace(" /", "/")


def difference(value: float | None, truth: float | None, measured_in: str = "") -> str:
    """Estimate minus truth with its sign, as exact as what is shown."""
    if value is None or truth is None:
        return "–"
    decimals = _DECIMALS.get(measured_in, 1)
    # Adding 0 makes 0 of -0.
    return f"{round(value - truth, decimals) + 0.0:+.{decimals}f}".replace("-", "−")


def reference_range(reference: Reference | None) -> str:
    """Normal values in words, without unit."""
    if reference is None:
        return "–"
    low, high = (None if end is None else f"{end:g}" for end in (reference.low, reference.high))
    if low is None or high is None:
        return f"≤ {high}" if high is not None else "–" if low is None else f"≥ {low}"
    return f"{low}–{high}"


def patient_line(patient: Patient | None) -> str:
    """What is known of the patient, in one line."""
    if patient is None or patient == Patient():
        return "patient unknown"
    known = {
        "": None if patient.sex is None else patient.sex.name.lower(),
        "years": patient.age,
        "cm": patient.height_cm,
        "kg": patient.weight_kg,
    }
    parts = [
        value if isinstance(value, str) else f"{value:.4g} {name}" for name, value in known.items() if value is not None
    ]
    return f"patient: {', '.join(parts)}"


def view_origin(clip: ClipResult) -> str:
    """Who named the view of a clip."""
    if clip.view_source is ViewSource.RECOGNIZED:
        return "recognized" if clip.view_probability is None else f"recognized ({clip.view_probability:.2f})"
    return {ViewSource.USER: "given", ViewSource.HEADER: "from the header"}.get(clip.view_source, "not known")


def method(name: str) -> str:
    """A method's name in words."""
    if name in _METHODS:
        return _METHODS[name]
    if name.startswith(AREA_LENGTH):
        return f"Area-length, {name.removeprefix(AREA_LENGTH)}"
    return f"Method of disks, {name}"


def short_method(name: str, *, view: bool = True) -> str:
    """A method's name in two or three words; without the ``view`` that it is of where that is said beside it."""
    if name in _SHORT_METHODS:
        return _SHORT_METHODS[name]
    words = "area-length" if name.startswith(AREA_LENGTH) else "disks"
    return f"{words} {name.removeprefix(AREA_LENGTH)}" if view else words


def how_made(name: str) -> str:
    """How a value by this method comes about, with the source of its formula."""
    if name in _HOW:
        return _HOW[name]
    if name.startswith(AREA_LENGTH):
        return f"V = 8·A²/(3π·L) from the area A of the cavity and its long axis L ({_ASE})."
    return (
        "20 disks perpendicular to the long axis of the cavity in this one view: V = π/4 · Σ(a²) · L/20 with "
        f"diameters a and long axis L ({_ASE})."
    )


_METHODS = {
    "biplane": "Biplane method of disks",
    "linear": "Linear measurements",
    "ed_to_ed": "End-diastole to end-diastole",
    "area_length_biplane": "Area-length, biplane",
    "inner_edge": "Inner edge to inner edge",
    "leading_edge": "Leading edge to leading edge",
}

_SHORT_METHODS = {
    "biplane": "biplane disks",
    "linear": "linear",
    "ed_to_ed": "ED to ED",
    "inner_edge": "inner edges",
    "leading_edge": "leading edges",
}

_HOW = {
    "biplane": (
        "20 disks from the diameters a in A4C and b in A2C, perpendicular to the long axis: V = π/4 · Σ(a·b) · "
        f"L/20 with the longer of the two long axes L, in end-diastole and in end-systole ({_ASE}). Diameters and "
        "axes of each view are first averaged over its beats, since the two clips show different beats. Of several "
        "clips of a view the pair counts that is surest and least foreshortened. The left atrium likewise, where it is "
        "largest, with the shorter of its two lengths L."
    ),
    "area_length_biplane": (
        "V = 8·A1·A2/(3π·L) from the areas A1 and A2 in A4C and A2C where they are largest, with the shorter of the "
        f"two lengths L ({_ASE})."
    ),
    "linear": (
        "Septum, inner diameter and posterior wall in PLAX at end-diastole, the inner diameter at end-systole too: "
        "distances along one straight line fitted to the four landmarks of a frame, median over the frames within "
        "40 ms of the phase, then the mean over the beats. Mass by the cube formula, 0.8 · 1.04 · [(IVSd + LVIDd + "
        "LVPWd)³ − LVIDd³] + 0.6 g in cm; relative wall thickness 2 · LVPWd / LVIDd; hypertrophy is a mass index over "
        f"115 (men) or 95 g/m² (women), concentric a relative wall thickness over 0.42 ({_ASE})."
    ),
    "inner_edge": (
        "Aortic root in PLAX at end-diastole: the widest section of the sinuses, perpendicular to the axis midway "
        "between the walls of the root's outline; median over the frame and its neighbors, then the mean over the "
        "beats. An outline is that of the blood; the normal values of ASE/EACVI 2015 are for leading edge to leading "
        "edge, which takes in the anterior wall, and do not hold."
    ),
    "leading_edge": (
        "Left atrium in PLAX at end-systole, perpendicular to the axis of the aortic root at the level of its sinuses: "
        "from where the root's outline ends, the leading edge of its posterior wall, to where the atrium's does; "
        f"median over the frame and its neighbors, then the mean over the beats ({_ASE})."
    ),
    "ed_to_ed": "60 s over the time from one end-diastole to the next, mean over the complete beats of the clip.",
}


HOW_ALL = (
    (
        "Outlines",
        "The model looks for each structure by name in every frame by itself; then the median over about 50 ms "
        "before and after (in whole frames, at least one) counts in each pixel, so that a frame that alone goes wrong "
        "is outvoted. Where two structures are found in one place the surer one stays. No outline was corrected by "
        "hand. "
        "Papillary muscles belong to the cavity, which is closed at the mitral annulus.",
    ),
    (
        "Long axis",
        "From the middle of the mitral annulus to the most distant point of the cavity's outline. The annulus is where "
        "the left atrium adjoins, otherwise the flat basal edge.",
    ),
    (
        "End-diastole (ED) and end-systole (ES)",
        "ED is the frame at the R wave where the file has R waves, otherwise the largest cavity of a beat; ES is the "
        "smallest cavity that follows. They are sought on the volume curve by disks (in pixels without a scale).",
    ),
    (
        "Ejection fraction",
        "(EDV − ESV) / EDV; in a single view for each beat by itself, then the mean over the beats.",
    ),
    (
        "Cardiac output",
        "Stroke volume times the heart rate of the same clips, ED to ED, the mean of both where it is biplane; a "
        "warning says where the rate is that of a file's header. It is given only where all rates agree within a "
        "tenth.",
    ),
    (
        "Confidence",
        "The Dice overlap with the true outline that the model predicts for itself, 0 to 1; for a measurement, the "
        "least among its frames. Of lengths between landmarks, the probability of an error within a tenth, by the "
        "spread that the model gives its landmarks. It was learned on the same data as the model and is not calibrated "
        "for other images.",
    ),
)
"""What holds for all measurements: title and text."""


def warnings_of(measurements: tuple[Measurement, ...]) -> list[str]:
    """All warnings of these measurements, each once, in order."""
    return list(dict.fromkeys(text for item in measurements for text in item.warnings))
