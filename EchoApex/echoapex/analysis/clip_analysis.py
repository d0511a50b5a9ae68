"""One clip from cine to numbers: its view, its structures and landmarks in every frame, and what is measured there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from ..cine import Cine
from ..errors import EchoApexError, MeasureError, ModelError
from ..inference.packed_masks import PackedSegmentations
from ..inference.segmentation import Segmentation
from ..inference.view_outlines_landmarks import Observer
from ..io.believable_cine import believable, scale_doubts
from ..landmarks import Landmarks
from ..limits import LIMITS
from ..measure.biplane_ef import MAX_RATE_DIFFERENCE
from ..measure.caliper_line import Caliper
from ..measure.cardiac_output import outputs, rates_of
from ..measure.contradictions import area_contradicts, area_share, chambers_contradict
from ..measure.input_checks import APICAL_VIEWS
from ..measure.left_atrium import LAResult, measure_la
from ..measure.measurement import Beat, Measurement
from ..measure.root_and_atrium import RootResult, measure_root_and_atrium
from ..measure.single_plane_ef import LVResult, measure_lv
from ..measure.wall_thickness import WallResult, measure_walls
from .beats_left import beats_left_out, left_out_told, no_beat_left, of_beats_left
from .believed_results import believed
from .clip_corrections import AppliedCorrections, ClipCorrections
from .clip_stages import Stage, TellStage, untold
from .clip_view import FoundView, ViewSource, contradiction
from .correction_marks import compared, needs_scale
from .doubted_results import doubted, told
from .orientation_notes import orientation_notes
from .outline_doubts import outline_warnings, unsure_outline
from .unusable_clips import UnknownViewError, why_unusable
from .view_structures import VIEW_STRUCTURES, WALL_VIEW
from .walls_by_hand import with_walls_by_hand

_Result = TypeVar("_Result", LVResult, WallResult, LAResult, RootResult)


@dataclass(frozen=True)
class ClipResult:
    """What was found in one clip.

    ``segmentations`` holds each structure seen in at least one frame, by identifier. ``lv`` and ``atrium`` are of
    apical views, ``walls`` and ``root`` of PLAX; each is None where it could not be measured, and ``refusal``
    (something went wrong) or ``not_measured`` (nothing did) then says why. ``origin`` says in words where the clip
    comes from. ``warnings`` are those of reading, outlining and measuring; ``applied`` says what a person has decided
    about the clip.
    """

    id: str
    cine: Cine
    view: str
    segmentations: Mapping[str, Segmentation]
    lv: LVResult | None
    warnings: tuple[str, ...]
    refusal: EchoApexError | None = None
    origin: str = ""
    view_source: ViewSource = ViewSource.USER
    view_probability: float | None = None
    landmarks: Landmarks | None = None
    walls: WallResult | None = None
    atrium: LAResult | None = None
    root: RootResult | None = None
    not_measured: tuple[EchoApexError, ...] = ()
    applied: AppliedCorrections | None = None

    @property
    def beats(self) -> tuple[Beat, ...]:
        """The beats that were measured."""
        result = self.lv or self.walls
        return () if result is None else result.beats

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What was measured in this clip alone."""
        return tuple(item for result in self.results for item in result.measurements)

    @property
    def results(self) -> tuple[LVResult | WallResult | LAResult | RootResult, ...]:
        """The parts of the heart that were measured."""
        parts = (self.lv, self.walls, self.atrium, self.root)
        return tuple(part for part in parts if part is not None)

    @property
    def calipers(self) -> tuple[Caliper, ...]:
        """Every length that is drawn as a line."""
        parts = (self.walls, self.root)
        return tuple(caliper for part in parts if part is not None for caliper in part.calipers)


def analyze_clip(
    observer: Observer,
    known: Sequence[str],
    cine: Cine,
    clip_id: str,
    view: FoundView,
    *,
    origin: str = "",
    tell: TellStage = untold,
    corrections: AppliedCorrections | None = None,
) -> ClipResult:
    """Outlines the structures of ``view`` that are among those ``known`` to ``observer``, and measures the clip.

    In PLAX the landmarks of the walls are looked for too. Clips of which nothing can be expected (a single frame, color
    Doppler, a view unknown or of something else) are not outlined, and say why. ``tell`` is called with each stage that
    begins. What the ``corrections`` say stands, and the rest is as without them. Raises `ModelError` where the observer
    knows nothing that is seen in the view.
    """
    cine = believable(cine)
    unusable = why_unusable(cine, view.name, view.reason)
    if unusable is not None:
        return replace(_unused(cine, clip_id, view, unusable, origin), applied=corrections)
    wanted = [name for name in VIEW_STRUCTURES[view.name] if name in known]
    if not wanted:
        rule = f"The model knows nothing that is seen in {view.name}; it knows {', '.join(known)}"
        raise ModelError(rule, file=cine.path)
    tell(Stage.OUTLINES)
    outlines = observer.outlines(wanted)
    landmarks = None
    if view.name == WALL_VIEW:
        tell(Stage.LANDMARKS)
        landmarks = observer.landmarks()
    tell(Stage.MEASURING)
    result = measure_clip(cine, clip_id, view, outlines, landmarks, origin=origin)
    if corrections is not None:
        outlines, before = corrections.corrections.corrected(outlines), result
        by_hand = corrections.corrections
        result = measure_clip(cine, clip_id, view, outlines, landmarks, origin=origin, by_hand=by_hand)
        result = replace(result, applied=compared(corrections, before.measurements, result.measurements))
    return replace(result, warnings=(*result.warnings, *orientation_notes(cine, view.name, outlines)))


def _unused(cine: Cine, clip_id: str, view: FoundView, reason: EchoApexError, origin: str) -> ClipResult:
    # A moving picture whose view could not be told has failed; a color clip, a still or another view has not.
    failed = isinstance(reason, UnknownViewError)
    return ClipResult(
        *(clip_id, cine, view.name, {}, None, (*cine.warnings, *view.warnings)),
        refusal=reason if failed else None,
        not_measured=() if failed else (reason,),
        origin=origin,
        view_source=view.source,
        view_probability=view.probability,
    )


def measure_clip(
    cine: Cine,
    clip_id: str,
    view: FoundView | str,
    segmentations: Mapping[str, Segmentation],
    landmarks: Landmarks | None = None,
    *,
    origin: str = "",
    by_hand: ClipCorrections | None = None,
) -> ClipResult:
    """Measures what can be measured on outlines and landmarks that exist already, by a model or by hand.

    Left ventricle and atrium in apical views, walls in PLAX; the result says what could not be measured and why. A
    scale, frame times or numbers that cannot be are withheld (`echoapex.limits`). Of ``by_hand`` phases,
    excluded beats and walls count: masks and scale are those that are given.
    """
    cine, given = believable(cine), by_hand or ClipCorrections()
    named = FoundView(view, warnings=contradiction(cine, view, "analyzed as")) if isinstance(view, str) else view
    found = {name: item for name, item in segmentations.items() if item.masks.any()}
    result = ClipResult(
        id=clip_id,
        cine=cine,
        view=named.name,
        segmentations=PackedSegmentations(found),
        lv=None,
        warnings=(*cine.warnings, *named.warnings, *outline_warnings(segmentations), *unsure_outline(found)),
        origin=origin,
        view_source=named.source,
        view_probability=named.probability,
        landmarks=landmarks,
    )
    if named.name in APICAL_VIEWS:
        measured = _measure_apical(result, found, given)
    elif named.name == WALL_VIEW:
        measured = _with_root(_measure_walls(result, found, given), found, given)
    else:
        nothing = MeasureError("Nothing is measured in this view", value=named.name, file=cine.path)
        return replace(result, not_measured=(nothing,))
    doubts = (*named.warnings, *cine.doubts)
    measured = _believed(measured)
    measured = replace(
        measured,
        lv=measured.lv
        and doubted(measured.lv, (*doubts, *unsure_outline(found), *_area_doubt(measured), *_rate_doubt(measured))),
        walls=measured.walls and doubted(measured.walls, (*doubts, *_rate_doubt(measured))),
        atrium=measured.atrium and doubted(measured.atrium, doubts),
        root=measured.root and doubted(measured.root, (*doubts, *unsure_outline(found), *_rate_doubt(measured))),
    )
    measured = _with_output(_scale_doubted(measured))
    told = [text for item in measured.results for text in item.warnings]
    return replace(measured, warnings=tuple(dict.fromkeys((*measured.warnings, *told))))


def _believed(clip: ClipResult) -> ClipResult:
    """``clip`` without what cannot be, and why."""
    file = clip.cine.path
    lv, of_lv = believed(clip.lv, file)
    walls, of_walls = believed(clip.walls, file)
    atrium, of_atrium = believed(clip.atrium, file)
    root, of_root = believed(clip.root if walls is not None else None, file)
    if atrium is not None and clip.lv is not None and lv is None:
        rule = "No left atrial volume: it is measured at the end-systole of the ventricle, which cannot be right"
        atrium, of_atrium = None, (MeasureError(rule, file=file),)
    reasons = (*clip.not_measured, *of_lv, *of_walls, *of_atrium, *of_root)
    return replace(clip, lv=lv, walls=walls, atrium=atrium, root=root, not_measured=reasons)


def _with_root(clip: ClipResult, found: Mapping[str, Segmentation], by_hand: ClipCorrections) -> ClipResult:
    """A PLAX ``clip`` with aortic root and left atrium, or why they are not there, in the beats of its walls."""
    if not clip.beats:
        return clip
    root = measure_root_and_atrium(
        *(clip.id, {name: item.masks for name, item in found.items()}),
        beats=clip.beats,
        scale=clip.cine.scale,
        times=clip.cine.times,
        sector=clip.cine.sector.mask,
        confidence={name: item.confidence for name, item in found.items()},
        # A model's root was hardly better than a guess on simulated hearts: README.md.
        root_frames={frame for name, frame in by_hand.drawn | by_hand.confirmed if name == "AO"},
    )
    missing = (_of_file(reason, clip.cine) for reason in root.withheld)
    root = doubted(root, left_out_told(clip.walls))
    return replace(clip, root=root, not_measured=(*clip.not_measured, *missing))


def _with_output(clip: ClipResult) -> ClipResult:
    """``clip`` with the cardiac output by its own stroke volume and heart rate, or why there is none."""
    lv, cine = clip.lv, clip.cine
    if lv is None:
        return clip
    found, reasons = outputs(lv.measurements, lv.view, [rates_of(lv, cine.heart_rate)], cine.path)
    lv = replace(lv, measurements=(*lv.measurements, *found))
    return replace(clip, lv=lv, not_measured=(*clip.not_measured, *reasons))


def _scale_doubted(clip: ClipResult) -> ClipResult:
    """``clip`` with what speaks against its scale on each number that depends on it."""
    doubts = scale_doubts(clip.cine)

    def scaled(result: _Result) -> _Result:
        items = (told([item], doubts)[0] if needs_scale(item) else item for item in result.measurements)
        return replace(result, measurements=tuple(items))

    return replace(
        clip,
        lv=clip.lv and scaled(clip.lv),
        walls=clip.walls and scaled(clip.walls),
        atrium=clip.atrium and scaled(clip.atrium),
        root=clip.root and scaled(clip.root),
    )


def _measure_apical(clip: ClipResult, found: Mapping[str, Segmentation], by_hand: ClipCorrections) -> ClipResult:
    cine, ventricle, atrium = clip.cine, found.get("LV"), found.get("LA")
    try:
        if ventricle is None:
            raise MeasureError("There is no left ventricle in any frame")
        measured = partial(
            measure_lv,
            *(clip.id, clip.view, ventricle.masks),
            scale=cine.scale,
            times=cine.times,
            la_masks=None if atrium is None else atrium.masks,
            r_wave_times=cine.r_wave_times,
            confidence=ventricle.confidence,
        )
        all_beats = measured()
        lv = of_beats_left(all_beats, by_hand, lambda beats: measured(beats=beats))
    except MeasureError as refusal:
        return replace(clip, refusal=_of_file(refusal, cine))
    share = area_share(lv.area_px, cine.sector)
    doubts = (
        *chambers_contradict(
            ventricle.masks,
            None if atrium is None else atrium.masks,
            None if (ring := found.get("LV_MYO")) is None else ring.masks,
            cine.sector,
        ),
        *area_contradicts(lv.area_px, lv.beats, cine.times),
        *(() if LIMITS["area"].allow(share) else (LIMITS["area"].impossible(share),)),
    )
    if doubts:
        rule = f"Nothing is measured, since the outlines contradict themselves: {'; '.join(doubts)}"
        return replace(clip, not_measured=(MeasureError(rule, file=cine.path),))
    clip = replace(clip, lv=lv)
    if not lv.beats:
        no_beat = no_beat_left(all_beats, by_hand, "there is no ejection fraction", cine)
        return replace(clip, not_measured=(no_beat,))
    without_scale = () if cine.scale.known else (_no_scale(cine, "volumes"),)
    if atrium is None:
        missing = MeasureError("No left atrial volume: no left atrium was found", file=cine.path)
        return replace(clip, not_measured=(*without_scale, missing))
    la = measure_la(
        *(clip.id, clip.view, atrium.masks, ventricle.masks),
        beats=lv.beats,
        scale=cine.scale,
        sector=cine.sector.mask,
        confidence=atrium.confidence,
    )
    return replace(clip, atrium=doubted(la, beats_left_out(all_beats.beats, by_hand)), not_measured=without_scale)


def _measure_walls(clip: ClipResult, found: Mapping[str, Segmentation], by_hand: ClipCorrections) -> ClipResult:
    measured = _found_walls(clip, found, by_hand)
    if not by_hand.walls:
        return measured
    walls = with_walls_by_hand(clip.id, measured.walls, by_hand.walls, clip.cine)
    # What was withheld and is there by hand is not missing.
    missing = (reason for reason in measured.not_measured if not set(reason.rule.split()) & by_hand.walls.keys())
    refused = () if measured.refusal is None else (measured.refusal,)
    return replace(measured, walls=walls, refusal=None, not_measured=(*refused, *missing))


def _found_walls(clip: ClipResult, found: Mapping[str, Segmentation], by_hand: ClipCorrections) -> ClipResult:
    cine, ventricle = clip.cine, found.get("LV")
    if clip.landmarks is None:
        rule = "No walls are measured: the model finds no landmarks"
        return replace(clip, not_measured=(MeasureError(rule, file=cine.path),))
    try:
        measured = partial(
            measure_walls,
            *(clip.id, clip.landmarks),
            scale=cine.scale,
            times=cine.times,
            lv_masks=None if ventricle is None else ventricle.masks,
            r_wave_times=cine.r_wave_times,
            sector=cine.sector.mask,
        )
        all_beats = measured()
        walls = of_beats_left(all_beats, by_hand, lambda beats: measured(beats=beats))
    except MeasureError as refusal:
        return replace(clip, refusal=_of_file(refusal, cine))
    missing = [] if cine.scale.known else [_no_scale(cine, "millimeters")]
    missing += [_of_file(reason, cine) for reason in walls.withheld]
    if not walls.beats:
        missing.append(no_beat_left(all_beats, by_hand, "no walls are measured", cine))
    return replace(clip, walls=walls, not_measured=tuple(missing))


def _area_doubt(clip: ClipResult) -> Iterable[str]:
    """A warning where the ventricle fills more or less of the picture than is usual."""
    share = math.nan if clip.lv is None else area_share(clip.lv.area_px, clip.cine.sector)
    if math.isfinite(share) and not LIMITS["area"].expect(share):
        yield LIMITS["area"].doubt(share)


def _rate_doubt(clip: ClipResult) -> Iterable[str]:
    """A warning where the heart rate of the file's header is not that of the beats."""
    stated = clip.cine.heart_rate
    found = next((item.value for item in clip.measurements if item.name == "HR"), None)
    if stated is not None and found is not None and abs(stated - found) > MAX_RATE_DIFFERENCE * max(stated, found):
        yield (
            f"The file gives a heart rate of {stated:.0f}/min, and its beats are {found:.0f}/min: beats or frame times "
            "may be wrong"
        )


def _of_file(refusal: MeasureError, cine: Cine) -> MeasureError:
    return MeasureError(refusal.rule, value=refusal.value, file=cine.path)


def _no_scale(cine: Cine, what: str) -> MeasureError:
    return MeasureError(f"No {what}, since there is no scale: {cine.scale.reason}", file=cine.path)
