"""From the clips of a study to its numbers: which clips stand for the study, biplane values, mass, indices and grades.

What is missing is said with its reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import EchoApexError, MeasureError
from ..measure.biplane_ef import measure_biplane
from ..measure.biplane_volume_curve import BiplaneCurve, biplane_curve
from ..measure.body_surface_area import BsaFormula, index_by_bsa, patient_bsa
from ..measure.cardiac_output import outputs, rates_of
from ..measure.left_atrium import LAResult, measure_la_biplane
from ..measure.lv_mass import LINEAR, find_geometry, measure_mass
from ..measure.measurement import Measurement
from ..measure.normal_ranges import grade, ungraded_reason
from ..measure.plausibility import judge
from ..measure.single_plane_ef import LVResult
from ..measure.wall_thickness import WallResult
from ..patient import Patient
from .biplane_pairing import A2C, A4C, best_pair, by_setting, pair_note, setting_notes, setting_obstacle, sure
from .clip_analysis import ClipResult
from .correction_marks import marked, unmet_exclusions
from .view_structures import WALL_VIEW

_WALLS = ("IVSd", "LVIDd", "LVPWd")


@dataclass(frozen=True)
class Summary:
    """The measurements of a study; what is missing and why; what was decided.

    Those of the whole study come first, then those of each clip: with a scale before without, then the surest.
    ``biplane`` is the volume over the phase of a beat, None without a pair of clips.
    """

    measurements: tuple[Measurement, ...]
    not_measured: tuple[EchoApexError, ...]
    notes: tuple[str, ...]
    biplane: BiplaneCurve | None


def summarize(clips: Sequence[ClipResult], patient: Patient | None, formula: BsaFormula = BsaFormula.DUBOIS) -> Summary:
    """What a study comes to: everything measured in its clips, and what takes several clips or the patient.

    Biplane values come from the surest and least foreshortened pair of A4C and A2C, mass and geometry from the surest
    PLAX clip; indices need height and weight, grades age and sex.
    """
    pair = best_pair(clips)
    biplane = () if pair is None else measure_biplane(*pair)
    output, no_output = _output(clips, pair, biplane)
    walls, wall_notes = _walls(clips)
    of_study = judge([*biplane, *_atrium(clips), *walls, *measure_mass(walls)])
    if not any(item.name == "LVEF" for item in of_study.kept):
        pair, output, no_output = None, (), ()
    of_clips = [item for clip in _surest_first(clips) for item in clip.measurements if item not in walls]
    found = [*of_study.kept, *output, *of_clips]
    indices = judge(index_by_bsa(found, patient, formula))
    found += indices.kept
    applied = {clip.id: clip.applied for clip in clips if clip.applied is not None}
    graded = marked((*grade(found, patient), *_geometry(found, patient)), applied)
    impossible = (*of_study.reasons, *no_output, *indices.reasons)
    missing = (*(item for clip in clips for item in clip.not_measured), *impossible, *_missing(clips, graded, patient))
    by_hand = tuple(corrections.words(clip) for clip, corrections in applied.items())
    notes = (*by_hand, *unmet_exclusions(graded, applied), *setting_notes(clips), *pair_note(clips, pair), *wall_notes)
    notes = (*notes, *_area_note(patient, formula, graded))
    return Summary(graded, missing, notes, None if pair is None else biplane_curve(*pair))


def _output(
    clips: Sequence[ClipResult], pair: tuple[LVResult, LVResult] | None, biplane: Sequence[Measurement]
) -> tuple[tuple[Measurement, ...], tuple[MeasureError, ...]]:
    """Cardiac output by the biplane stroke volume and the mean rate of both clips, or why there is none."""
    if pair is None:
        return (), ()
    stated = {clip.lv.clip: clip.cine.heart_rate for clip in clips if clip.lv is not None}
    return outputs(biplane, "biplane", [rates_of(lv, stated[lv.clip]) for lv in pair])


def _surest_first(clips: Sequence[ClipResult]) -> list[ClipResult]:
    """The clips in the order in which they may stand for a study that has no pair of views."""

    def rank(clip: ClipResult) -> tuple[bool, bool, float]:
        result = clip.lv or clip.walls
        return not clip.cine.setting.usual, not clip.cine.scale.known, 0.0 if result is None else -sure(result)

    return sorted(clips, key=rank)


def _atrium(clips: Sequence[ClipResult]) -> tuple[Measurement, ...]:
    """Biplane volume of the atrium from the surest clip of each view, one that shows it whole before others.

    Both are recorded at one stage in one way.
    """
    for alike in by_setting(clips):
        found = [clip.atrium for clip in alike if clip.atrium is not None and clip.atrium.measurements]
        a4c, a2c = ([item for item in found if item.view == view] for view in (A4C, A2C))
        if a4c and a2c:
            return measure_la_biplane(_best_atrium(a4c), _best_atrium(a2c))
    return ()


def _best_atrium(results: Sequence[LAResult]) -> LAResult:
    return max(results, key=lambda item: (not item.cropped, sure(item)))


def _walls(clips: Sequence[ClipResult]) -> tuple[tuple[Measurement, ...], tuple[str, ...]]:
    """What the surest PLAX clip says, which stands for the study; one at rest goes before others."""
    usual = [clip for clip in clips if clip.cine.setting.usual]
    candidates = _whole_walls(usual) or _whole_walls(clips)
    if not candidates:
        return (), ()
    best = max(candidates, key=sure)
    chosen = tuple(item for item in best.measurements if item.method == LINEAR)
    if len(candidates) == 1:
        return chosen, ()
    return chosen, (f"Mass and geometry come from clip {best.clip}, the surest of {len(candidates)} {WALL_VIEW} clips",)


def _whole_walls(clips: Sequence[ClipResult]) -> list[WallResult]:
    return [clip.walls for clip in clips if clip.walls is not None and _has_all(clip.walls)]


def _has_all(walls: WallResult) -> bool:
    return set(_WALLS) <= {item.name for item in walls.measurements if item.value is not None}


def _geometry(found: Sequence[Measurement], patient: Patient | None) -> Iterable[Measurement]:
    """The geometry as a measurement that has a grade and no value."""
    finding = find_geometry(found, patient)
    if finding is not None:
        index = finding.mass_index
        yield Measurement(
            "LVGeometry",
            None,
            "1",
            LINEAR,
            index.sources,
            index.confidence,
            index.warnings,
            None,
            finding.geometry.value,
        )


def _missing(
    clips: Sequence[ClipResult], found: Sequence[Measurement], patient: Patient | None
) -> Iterable[EchoApexError]:
    """Each of the main results that is not there, and why."""
    there = {(item.name, item.method) for item in found}
    names = {name for name, _ in there}
    for what, present, views in (
        ("biplane EF", ("LVEF", "biplane") in there, (A4C, A2C)),
        ("wall thickness, LV mass or relative wall thickness", "LVMass" in names, (WALL_VIEW,)),
        ("biplane left atrial volume", ("LAV", "biplane") in there, (A4C, A2C)),
    ):
        if not present:
            yield MeasureError(f"No {what}: {_reason(clips, views)}")
    if "HR" not in names:
        yield MeasureError("No heart rate: no clip with known frame times holds a whole beat")
    if names & {"LVEDV", "LVMass", "LAV"} and patient_bsa(patient) is None:
        yield MeasureError("Nothing is indexed to body surface area: height or weight of the patient is unknown")
    if found and ungraded_reason(patient):
        yield MeasureError(ungraded_reason(patient))


def _reason(clips: Sequence[ClipResult], views: Sequence[str]) -> str:
    """Why what takes ``views`` is missing: what stands in the way in each of them."""
    reasons = [reason for view in views if (reason := _obstacle([clip for clip in clips if clip.view == view], view))]
    if not reasons and views == (A4C, A2C) and (apart := setting_obstacle(clips)):
        return apart
    return ", and ".join(reasons) or f"it could not be measured in {' and '.join(views)}"


def _obstacle(clips: Sequence[ClipResult], view: str) -> str:
    """What stands in the way in the clips of one view, empty where nothing does."""
    if not clips:
        return f"there is no {view} clip"
    if not any(clip.beats for clip in clips):
        return f"no {view} clip could be measured"
    if not any(clip.beats and clip.cine.scale.known for clip in clips):
        return f"no {view} clip has a scale"
    return ""


def _area_note(patient: Patient | None, formula: BsaFormula, found: Sequence[Measurement]) -> tuple[str, ...]:
    area = patient_bsa(patient, formula)
    if area is None or not any(item.unit.endswith("/m2") for item in found):
        return ()
    return (f"Indices are by a body surface area of {area:.2f} m², after {formula.value}",)
