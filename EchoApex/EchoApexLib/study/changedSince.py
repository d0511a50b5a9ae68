"""What was changed by hand in the clips of a report since it was made, and which of its numbers rest on that.

A change that is taken back is none: what is in the scene by now is compared with what the report was made with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from echoapex.analysis.clip_corrections import Calibration, ExcludedBeat
from echoapex.analysis.correction_marks import needs_scale, outlines_under
from echoapex.analysis.walls_by_hand import WallByHand
from echoapex.errors import EchoApexError
from echoapex.measure.derived_numbers import basis
from echoapex.measure.lv_mass import LINEAR
from echoapex.measure.measurement import Beat, Measurement, Source
from echoapex.measure.volumes_while_editing import Phases, beats_by_hand
from echoapex.session.frame_entries import Key

from ..cine.cineFromBrowser import cineOf
from ..cine.echoViewLabel import VIEW
from ..measurements.phasesByHand import PHASES, phasesOf
from ..record.clipRecords import beatsOfRecord, checksum
from ..record.decisions import DECISIONS, decisionsOf
from ..record.recordSaving import RECORD, recordOf
from ..sequences.cineSequence import sequencesWith
from ..sequences.segmentationSequence import LABELMAP, maskOf
from ..session.sessionMaskSegments import MASKS
from ..session.sessionSaveAndRestore import SESSION, flaggedMasks
from ..walls.wallProtocol import PROTOCOL
from ..walls.wallsByHand import wallsByHand, wallsStamp
from .clipList import ClipList
from .reportInScene import ReportInScene

_SAME_PX = 0.01
"""Ends of a wall that lie closer are the same: a file keeps less digits (our choice)."""

_RATE = "HR"

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class ClipChanges:
    """What was changed in the clip of a report that is called ``name``.

    ``phases`` are set where ED and ES are others than in the report, with the ``beats`` that count by now (none where
    those count again that are found); ``gone`` are the frames of ED and ES that are none any more. ``outlines`` are by
    structure and frame, ``walls`` by name; ``view`` is the one of now, and ``rescaled`` and ``beatsChosen`` tell of the
    scale and of the beats that are not to count.
    """

    name: str
    phases: Phases | None = None
    beats: tuple[Beat, ...] = ()
    gone: frozenset[int] = frozenset()
    outlines: frozenset[Key] = frozenset()
    walls: frozenset[str] = frozenset()
    view: str | None = None
    rescaled: bool = False
    beatsChosen: bool = False

    @property
    def any(self) -> bool:
        """Whether anything was."""
        return self != ClipChanges(self.name)

    def under(self, item: Measurement, source: Source) -> ClipChanges:
        """What of it a number rests on that has this ``source`` in the clip."""
        # The heart rate comes from all beats, wherever ED and ES are.
        moved = item.name != _RATE and bool(self.gone & set(source.frames))
        walls = frozenset(basis(item.name)) if item.method == LINEAR else frozenset()
        return replace(
            self,
            phases=self.phases if moved else None,
            outlines=self.outlines & outlines_under(item, source),
            walls=self.walls & walls,
            rescaled=self.rescaled and needs_scale(item),
        )

    @property
    def words(self) -> tuple[str, ...]:
        """What was changed, and what it is by now."""
        return (
            *((self.phaseWords,) if self.phases is not None else ()),
            *self._outlineWords(),
            *((f"{', '.join(sorted(self.walls))} of {self.name}",) if self.walls else ()),
            *((f"the view of {self.name}, now {self.view}",) if self.view is not None else ()),
            *((f"the scale of {self.name}",) if self.rescaled else ()),
            *((f"the beats of {self.name} that count",) if self.beatsChosen else ()),
        )

    @property
    def phaseWords(self) -> str:
        """Which of ED and ES was set, and where."""
        if self.phases is None or not self.phases.by_hand:
            return f"ED and ES of {self.name} as they are found"
        moved = (("ED", self.phases.ed_by_hand), ("ES", self.phases.es_by_hand))
        frames = {"ED": [beat.ed for beat in self.beats], "ES": [beat.es for beat in self.beats]}
        return " and ".join(f"{phase} of {self.name} in frame {frames[phase][0]}" for phase, byHand in moved if byHand)

    def _outlineWords(self) -> tuple[str, ...]:
        frames: dict[str, list[str]] = {}
        for structure, frame in sorted(self.outlines):
            frames.setdefault(structure, []).append(str(frame))
        return tuple(
            f"the outline of {structure} in frame{'s' if len(found) > 1 else ''} {', '.join(found)} of {self.name}"
            for structure, found in frames.items()
        )


Changes = Mapping[str, ClipChanges]
"""By identifier of a clip of the report, where anything was changed."""


def changedUnder(item: Measurement, changes: Changes) -> str:
    """What a number rests on that was changed, in words; "" where nothing was."""
    found = [text for one in item.sources if one.clip in changes for text in changes[one.clip].under(item, one).words]
    return " and ".join(dict.fromkeys(found))


def changesTold(changes: Changes) -> str:
    """All that was changed, in words."""
    return " and ".join(text for one in changes.values() for text in one.words)


class ChangesSince:
    """What was changed since the report that ``shown`` shows. What was looked at is remembered until it changes."""

    def __init__(self, shown: ReportInScene) -> None:
        self._shown, self._report = shown, shown.report
        self._files = dict(self._report.files())
        self._scales = self._report.calibrations()
        self._seen: dict[object, tuple[object, Any]] = {}
        self._wanted: dict[str, set[Key]] = {}
        for item in self._report.measurements:
            for source in item.sources:
                self._wanted.setdefault(source.clip, set()).update(outlines_under(item, source))

    def of(self, clips: ClipList) -> dict[str, ClipChanges]:
        """The changes of each clip that has any; ``clips`` has the scales of now.

        Where the scene is damaged there are none: that is told where the clip is worked on.
        """
        found = {clip: self._changes(clip, clips) for clip in self._report.clips}
        return {clip: one for clip, one in found.items() if one.any}

    def _changes(self, clip: str, clips: ClipList) -> ClipChanges:
        name = self._report.names[clip].removesuffix(" (simulated)")
        browser, scaled = self._shown.browserOf(clip), self._rescaled(clip, clips)
        if browser is None:
            return ClipChanges(name, view=self._listedAs(clip, clips), rescaled=scaled)
        return ClipChanges(
            *(name, *self._moved(clip, browser)),
            outlines=_orNothing(lambda: self._redrawn(clip, browser), frozenset()),
            walls=_orNothing(lambda: self._rewalled(clip, browser), frozenset()),
            view=self._viewedAs(clip, browser),
            rescaled=scaled,
            beatsChosen=_orNothing(lambda: self._beatsChosen(clip, browser), False),
        )

    def _remembered(self, key: object, stamp: object, look: Any) -> Any:
        """What ``look`` gives; as before where nothing has happened since, by this ``stamp``."""
        known = self._seen.get(key)
        if known is None or known[0] != stamp:
            known = self._seen[key] = stamp, look()
        return known[1]

    def _rescaled(self, clip: str, clips: ClipList) -> bool:
        file = self._files.get(clip)
        return file is not None and not _sameScale(clips.calibrations.of(file), self._scales.get(file))

    def _moved(self, clip: str, browser: Any) -> tuple[Phases | None, tuple[Beat, ...], frozenset[int]]:
        """ED and ES by hand, the beats and the frames that are neither any more, if they are others by now."""
        item, kept = self._report.clips[clip], self._report.kept(clip).get("phases")
        before = beatsOfRecord(item["beats"])
        if not browser.GetAttribute(PHASES):
            taken = kept is not None and (kept["ed"], kept["es"]) != (None, None)
            return (Phases(), (), _ends(before)) if taken else (None, (), frozenset())
        try:
            phases = phasesOf(browser, item["frame_count"])
            beats = beats_by_hand(before, phases) if phases.by_hand else before
        except EchoApexError:
            return None, (), frozenset()
        same = [(beat.ed, beat.es) for beat in beats] == [(beat.ed, beat.es) for beat in before]
        return (None, (), frozenset()) if same else (phases, beats, _ends(before) - _ends(beats))

    def _redrawn(self, clip: str, browser: Any) -> frozenset[Key]:
        """The outlines that numbers of the clip rest on and that are others by now than in the report."""
        node = browser.GetNodeReference(RECORD)
        before = self._remembered(("record", clip), node.GetMTime(), lambda: recordOf(node).get("checksums"))
        if before is None:  # scenes of before did not keep them
            return frozenset()
        nothing = checksum(np.zeros(_shapeOf(browser), np.bool_))
        found = frozenset(
            (name, frame)
            for name, frame in self._wanted.get(clip, ())
            if self._mask(clip, browser, name, frame) != (before[name][frame] if name in before else nothing)
        )
        return found - self._flagged(clip, browser) if found else found

    def _mask(self, clip: str, browser: Any, structure: str, frame: int) -> int:
        """The checksum of an outline as it is by now."""
        drawn = [browser.GetNodeReference(MASKS), *sequencesWith(browser, "vtkMRMLSegmentationNode")]
        sequence = next((one for one in drawn if one is not None), None)
        if sequence is None:
            return checksum(np.zeros(_shapeOf(browser), np.bool_))
        segmentation = sequence.GetNthDataNode(frame).GetSegmentation()
        segment = segmentation.GetSegment(structure)
        image = None if segment is None else segment.GetRepresentation(LABELMAP)
        stamp = None if image is None else (image.GetMTime(), segment.GetLabelValue())

        def look() -> int:
            return checksum(maskOf(segmentation, structure, _shapeOf(browser)))

        return int(self._remembered((clip, structure, frame), stamp, look))

    def _flagged(self, clip: str, browser: Any) -> frozenset[Key]:
        """Outlines that were kept for a flag alone: the next analysis finds them anew, and leaves them there."""
        node = browser.GetNodeReference(SESSION)
        if node is None:
            return frozenset()
        return frozenset(self._remembered(("session", clip), node.GetMTime(), lambda: flaggedMasks(browser)))

    def _rewalled(self, clip: str, browser: Any) -> frozenset[str]:
        """The walls that are placed or confirmed otherwise than in the report."""
        kept = {item["name"]: _wall(item) for item in self._report.kept(clip).get("walls", ())}
        if not browser.GetAttribute(PROTOCOL):
            return frozenset(kept)
        now = self._remembered(("walls", clip), wallsStamp(browser), lambda: wallsByHand(browser, cineOf(browser)))
        return frozenset(name for name in {*now, *kept} if not _sameWall(now.get(name), kept.get(name)))

    def _viewedAs(self, clip: str, browser: Any) -> str | None:
        """The view that somebody has said since, or that is recognized where that was taken back."""
        item, said = self._report.clips[clip], browser.GetAttribute(VIEW)
        if said:
            return None if said == item["view"] else str(said)
        taken = self._report.kept(clip).get("view") is not None and item.get("view_source") == "user"
        return "as recognized" if taken else None

    def _listedAs(self, clip: str, clips: ClipList) -> str | None:
        """The view that somebody has said since in the list, of a clip that is not in the scene."""
        file = self._files.get(clip)
        said = None if file is None else clips.givenView(file)
        return None if said == self._report.clips[clip]["view"] else said

    def _beatsChosen(self, clip: str, browser: Any) -> bool:
        def look() -> frozenset[ExcludedBeat]:
            return frozenset(decisionsOf(browser).beats)

        now = self._remembered(("beats", clip), browser.GetAttribute(DECISIONS), look)
        return bool(now != frozenset(self._report.decisions(clip).beats))


def _shapeOf(browser: Any) -> tuple[int, int]:
    columns, rows, _ = browser.GetMasterSequenceNode().GetNthDataNode(0).GetImageData().GetDimensions()
    return rows, columns


def _orNothing(look: Callable[[], _Found], nothing: _Found) -> _Found:
    """What ``look`` finds; ``nothing`` where the scene is damaged."""
    try:
        return look()
    except EchoApexError:
        return nothing


def _ends(beats: Sequence[Beat]) -> frozenset[int]:
    return frozenset(frame for beat in beats for frame in (beat.ed, beat.es))


def _sameScale(one: Calibration | None, other: Calibration | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.mm == other.mm and bool(np.allclose(one.points, other.points))


def _wall(item: Mapping[str, Any]) -> WallByHand:
    (x0, y0), (x1, y1) = item["ends"]
    return WallByHand(item["frame"], ((x0, y0), (x1, y1)), item["placed"], item["confirmed"])


def _sameWall(one: WallByHand | None, other: WallByHand | None) -> bool:
    if one is None or other is None:
        return one is other
    same = (one.frame, one.placed, one.confirmed) == (other.frame, other.placed, other.confirmed)
    return same and bool(np.allclose(one.ends, other.ends, rtol=0.0, atol=_SAME_PX))
