"""Names and methods in plain words."""

from __future__ import annotations

from ..measure.types import Measurement

VIEW_NAMES = {
    "A4C": "Apical four-chamber",
    "A2C": "Apical two-chamber",
    "A3C": "Apical long-axis",
    "A5C": "Apical five-chamber",
    "PLAX": "Parasternal long-axis",
}

QUANTITIES = {
    "LVEF": "Ejection fraction",
    "LVEDV": "End-diastolic volume",
    "LVESV": "End-systolic volume",
    "LVSV": "Stroke volume",
    "HR": "Heart rate",
}

_ASE = "Lang et al., ASE/EACVI 2015, doi 10.1016/j.echo.2014.10.003"
_AREA_LENGTH = "area_length_"


def quantity(name: str) -> str:
    """The name of a measurement in words; unknown ones keep their own."""
    return QUANTITIES.get(name, name)


def unit(text: str) -> str:
    """A unit as people write it."""
    return {"1/min": "/min", "mL/m2": "mL/m²", "1": ""}.get(text, text)


def number(value: float | None) -> str:
    """A value for the table, to a tenth."""
    return "–" if value is None else f"{value:.1f}"


def difference(value: float | None, truth: float | None) -> str:
    """Estimate minus truth with its sign, to a tenth of what is shown."""
    if value is None or truth is None:
        return "–"
    return f"{value - truth:+.1f}".replace("-", "−")


def method(name: str) -> str:
    """A method's name in words."""
    if name == "biplane":
        return "Biplane method of disks"
    if name == "ed_to_ed":
        return "End-diastole to end-diastole"
    if name.startswith(_AREA_LENGTH):
        return f"Area-length, {name.removeprefix(_AREA_LENGTH)}"
    return f"Method of disks, {name}"


def how_made(name: str) -> str:
    """How a value by this method comes about, with the source of its formula."""
    if name == "biplane":
        return (
            "20 disks from the diameters a in A4C and b in A2C, perpendicular to the long axis: V = π/4 · Σ(a·b) · "
            f"L/20 with the longer of the two long axes L, in end-diastole and in end-systole ({_ASE}). Diameters and "
            "axes of each view are first averaged over its beats, since the two clips show different beats."
        )
    if name == "ed_to_ed":
        return "60 s over the time from one end-diastole to the next, mean over the complete beats of the clip."
    if name.startswith(_AREA_LENGTH):
        return f"V = 8·A²/(3π·L) from the area A of the cavity and its long axis L ({_ASE})."
    return (
        "20 disks perpendicular to the long axis of the cavity in this one view: V = π/4 · Σ(a²) · L/20 with "
        f"diameters a and long axis L ({_ASE})."
    )


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
        "Confidence",
        "The Dice overlap with the true outline that the model predicts for itself, 0 to 1; for a measurement, the "
        "least among its frames. It was learned on the same data as the model and is not calibrated for other images.",
    ),
)
"""What holds for all measurements: title and text."""


def warnings_of(measurements: tuple[Measurement, ...]) -> list[str]:
    """All warnings of these measurements, each once, in order."""
    return list(dict.fromkeys(text for item in measurements for text in item.warnings))
