"""What a number can be: one table of possible and usual values, for whatever is read from a file or measured.

Possible limits lie far outside disease: what crosses them comes from a wrong scale, wrong frame times or outlines of
something else, and never from a heart. Beyond the usual ones a number is doubted.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]

_GRADES = "ASE/EACVI 2015"
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Limits:
    """What a number is called, its ``unit`` (UCUM), its ``possible`` and ``usual`` values, and where they come from.

    ``check`` names what is to be looked at where a number is doubted.
    """

    title: str
    unit: str
    possible: Range
    usual: Range
    source: str
    check: str = "outlines and scale"

    def allow(self, value: float) -> bool:
        """Whether ``value`` can be; NaN cannot."""
        return _inside(value, self.possible)

    def expect(self, value: float) -> bool:
        """Whether ``value`` is one that is met in practice."""
        return _inside(value, self.usual)

    def impossible(self, value: float) -> str:
        """Words for a value that cannot be, with the limits and their source."""
        return f"the {self.title} would be {self._words(value)}, outside {self.possible_words} ({self.source})"

    def doubt(self, value: float) -> str:
        """A warning for a value that is not usual."""
        article = "An" if self.title[0] in "aeiou" else "A"
        found, usual = self._words(value), self._range_words(self.usual)
        return f"{article} {self.title} of {found} is outside the usual {usual}: check {self.check}"

    @property
    def possible_words(self) -> str:
        """The possible values with their unit."""
        return self._range_words(self.possible)

    def _words(self, value: float) -> str:
        return f"{number_words(value)} {_UNIT_WORDS.get(self.unit, self.unit)}".rstrip()

    def _range_words(self, limits: Range) -> str:
        return f"{limits[0]:g} to {limits[1]:g} {_UNIT_WORDS.get(self.unit, self.unit)}".rstrip()


_UNIT_WORDS = {"1/s": "frames/s", "1": ""}


def number_words(value: float | None) -> str:
    """A number in the digits that tell."""
    return "-" if value is None else f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _inside(value: float, limits: Range) -> bool:
    # One frame a second, or a limit itself, may come out of a division a last digit off.
    return limits[0] * (1 - _ROUNDING) <= value <= limits[1] * (1 + _ROUNDING)


_VOLUME = (
    f"own choice: a quarter of a newborn's (J Cardiovasc Magn Reson 2023;25:26) to five times 'severe' of {_GRADES}"
)
_WALL = "own choice: a preterm infant's to over twice what is massive, 30 mm (N Engl J Med 2000;342:1778)"
_DIAMETER = f"own choice: a preterm infant's (Ann Pediatr Cardiol 2014;7:180) to twice 'severe' of {_GRADES}"
_ATRIUM = "own choice: an infant's to giant atria, which begin at 120 mL/m2 (J Cardiovasc Dev Dis 2024;11:297)"
_LENGTH = "own choice: a preterm infant's to over twice the longest of normal adults, 120 mm"
_ROOT = "own choice: a preterm infant's to the largest aneurysms of the root"
_LA_DIAMETER = "own choice: a preterm infant's to giant atria"
_OUTPUT = "own choice: as of stroke volume and heart rate, a newborn's to twice that of an athlete at full exercise"
_INDEX = "own choice: as of the value that is indexed, for body surfaces from a newborn's 0.2 m2 on"
_FRAME_RATE = "own choice: from a stress-echo review, slower than any scan, to ultrafast imaging"
_GAP = "own choice: two steps of the slowest frame rate"
_STEPS = "own choice: at 30 frames/s a whole systole passes in ten frames"
_HEART_RATE = "own choice: from complete heart block to a newborn's atrial flutter, conducted"
_AREA = "own choice, of the sector: 9 to 46 in simulated apical views, more where the picture is zoomed"
_OWN = "own choice"
_PIXEL = "own choice: 4 cm over 4096 to 50 cm over 100"
_DEPTH = "phased arrays reach 35 cm, PMC9510186"
_WIDTH = "own choice: a fan of the deepest image"
_SCALE, _TIMES = "the scale", "the frame times"

LIMITS = {
    "LVEDV": Limits("end-diastolic volume", "mL", (2.0, 1000.0), (30.0, 400.0), _VOLUME),
    "LVESV": Limits("end-systolic volume", "mL", (0.5, 950.0), (6.0, 350.0), _VOLUME),
    "LVSV": Limits("stroke volume", "mL", (0.5, 400.0), (12.0, 250.0), _VOLUME),
    "CO": Limits("cardiac output", "L/min", (0.05, 60.0), (1.5, 15.0), _OUTPUT, "outlines, scale and heart rate"),
    "LVLd": Limits("length of the left ventricle at end-diastole", "mm", (8.0, 200.0), (50.0, 130.0), _LENGTH),
    "LVLs": Limits("length of the left ventricle at end-systole", "mm", (5.0, 190.0), (35.0, 120.0), _LENGTH),
    "LVEF": Limits("ejection fraction", "%", (3.0, 92.0), (8.0, 85.0), f"own choice: far outside {_GRADES}"),
    "LVEDVI": Limits("end-diastolic volume index", "mL/m2", (5.0, 600.0), (15.0, 250.0), _INDEX),
    "LVESVI": Limits("end-systolic volume index", "mL/m2", (1.0, 550.0), (3.0, 220.0), _INDEX),
    "IVSd": Limits("septum at end-diastole", "mm", (1.0, 70.0), (4.0, 35.0), _WALL),
    "LVPWd": Limits("posterior wall at end-diastole", "mm", (1.0, 70.0), (4.0, 30.0), _WALL),
    "LVIDd": Limits("inner diameter at end-diastole", "mm", (6.0, 140.0), (25.0, 90.0), _DIAMETER),
    "LVIDs": Limits("inner diameter at end-systole", "mm", (2.0, 130.0), (10.0, 80.0), _DIAMETER),
    "FS": Limits("fractional shortening", "%", (1.0, 85.0), (4.0, 65.0), _OWN),
    "RWT": Limits("relative wall thickness", "1", (0.05, 4.0), (0.12, 1.5), _OWN),
    "LVMass": Limits("mass", "g", (2.0, 2000.0), (40.0, 700.0), _VOLUME),
    "LVMassIndex": Limits("mass index", "g/m2", (5.0, 1000.0), (25.0, 350.0), _INDEX),
    "LAV": Limits("left atrial volume", "mL", (0.5, 2500.0), (6.0, 300.0), _ATRIUM),
    "LAVI": Limits("left atrial volume index", "mL/m2", (1.0, 1500.0), (4.0, 170.0), _INDEX),
    "LADs": Limits("left atrial diameter", "mm", (3.0, 150.0), (15.0, 80.0), _LA_DIAMETER),
    "AoRootd": Limits("diameter of the aortic root", "mm", (3.0, 120.0), (15.0, 60.0), _ROOT),
    "area": Limits("largest area of the left ventricle", "%", (1.0, 85.0), (5.0, 65.0), _AREA, "the outlines"),
    "HR": Limits("heart rate", "1/min", (15.0, 350.0), (40.0, 180.0), _HEART_RATE, _TIMES),
    "pixel": Limits("size of a pixel", "mm", (0.01, 5.0), (0.03, 2.0), _PIXEL, _SCALE),
    "depth": Limits("depth of the image", "mm", (20.0, 400.0), (30.0, 300.0), _DEPTH, _SCALE),
    "width": Limits("width of the image", "mm", (15.0, 700.0), (25.0, 500.0), _WIDTH, _SCALE),
    "frame rate": Limits("frame rate", "1/s", (1.0, 1000.0), (10.0, 500.0), _FRAME_RATE, _TIMES),
    "gap": Limits("longest time between two frames", "s", (0.0, 2.0), (0.0, 1.0), _GAP, _TIMES),
    "uneven": Limits(
        "longest time between two frames, as a multiple of the median,", "1", (1.0, 10.0), (1.0, 3.0), _STEPS, _TIMES
    ),
}
"""Every limit by the name of its measurement, and those of outlines, pixels, image and frame times."""
