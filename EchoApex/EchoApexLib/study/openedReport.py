"""A report that is shown: its numbers, where they come from, what could not be measured, what became of the clips."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from echoapex.analysis.clip_corrections import Calibration, ClipCorrections, ExcludedBeat
from echoapex.analysis.corrections_file import CorrectionsFile, read_corrections
from echoapex.cine import Cine, ScaleSource
from echoapex.console import harmless
from echoapex.errors import EchoApexError, ReadError
from echoapex.measure.measurement import Measurement
from echoapex.models.model_card import ModelCard
from echoapex.patient import Patient, Sex
from echoapex.report import display_names
from echoapex.report.comparison import Comparison, ReportFacts, compare

from ..record.clipRecords import measurementOfRecord
from ..record.decisions import Decisions
from ..record.reportFile import REPORT_FILE, reportRecord
from ..record.studyContents import namesByView

PAGE_FILE, TABLE_FILE = "report.html", "measurements.csv"


@dataclass(frozen=True)
class Place:
    """A frame that a number comes from."""

    clip: str
    frame: int


class OpenedReport:
    """The report in ``folder``. Raises `ReadError` where there is none that can be read."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.record = reportRecord(self.folder)
        self.clips: dict[str, Mapping[str, Any]] = {clip["id"]: clip for clip in self.record["clips"]}
        found = map(measurementOfRecord, self.record["measurements"])
        self.measurements = tuple(sorted(found, key=lambda item: display_names.rank(item.name)))
        self.names = namesByView((clip["id"], clip["view"], clip["simulated"]) for clip in self.record["clips"])
        self.key = _digest(self.folder / REPORT_FILE)

    @property
    def page(self) -> Path:
        """The report as a page."""
        return self.folder / PAGE_FILE

    @property
    def table(self) -> Path:
        """The measurements as CSV."""
        return self.folder / TABLE_FILE

    @property
    def simulated(self) -> bool:
        """Whether any clip is of a simulated heart."""
        return bool(self.record["simulated"])

    @property
    def demonstration(self) -> bool:
        """Whether the model has seen simulated hearts only."""
        return bool(self.record["model"]["simulated_only"])

    @property
    def knownPatient(self) -> Patient | None:
        """What is known of the patient; None where nothing is, or what cannot be."""
        known = self.record.get("patient") or {}
        sex = {"female": Sex.FEMALE, "male": Sex.MALE}.get(str(known.get("sex")))
        try:
            return Patient(sex, known.get("age"), known.get("height_cm"), known.get("weight_kg"))
        except EchoApexError:
            return None

    @property
    def patient(self) -> str:
        """What is known of the patient, in words."""
        return display_names.patient_line(self.knownPatient)

    @property
    def facts(self) -> ReportFacts:
        """What of it is compared with another report."""
        model, clips = self.record["model"], self.record["clips"]
        byHand = {clip["id"] for clip in clips if clip.get("calibration") or clip["scale_source"] == ScaleSource.USER}
        return ReportFacts(
            # As they stand in the file: the surest clip first.
            tuple(map(measurementOfRecord, self.record["measurements"])),
            self.knownPatient,
            (model["id"], str(model.get("hash") or "")),
            self.simulated,
            frozenset(byHand),
        )

    def compareWith(self, path: str | Path) -> tuple[OpenedReport, Comparison]:
        """The earlier report at ``path``, a folder or its report.json, and what has changed since.

        Raises `EchoApexError` where there is none that can be read, it is this one, or evidently that of another
        patient.
        """
        given = Path(path)
        earlier = OpenedReport(given.parent if given.name == REPORT_FILE else given)
        if earlier.key == self.key:
            raise EchoApexError("This is the report that is open: choose an earlier one", file=earlier.folder)
        return earlier, compare(self.facts, earlier.facts)

    @property
    def notMeasured(self) -> tuple[str, ...]:
        """What could not be measured, each with its reason; files are named without their folder."""
        reasons = (*self.record.get("failures", ()), *self.record.get("not_measured", ()))
        return tuple(_sentence(reason) for reason in reasons)

    def places(self, item: Measurement) -> tuple[Place, ...]:
        """The frames that a number comes from, end-diastole and end-systole of its clips first."""
        places = [
            Place(source.clip, frame) for source in item.sources if source.clip in self.clips for frame in source.frames
        ]
        return tuple(sorted(dict.fromkeys(places), key=lambda place: not self.phase(place)))

    def phase(self, place: Place) -> str:
        """``ED`` or ``ES`` of a beat, else empty."""
        for beat in self.clips[place.clip]["beats"]:
            if place.frame in (beat["ed"], beat["es"]):
                return "ED" if place.frame == beat["ed"] else "ES"
        return ""

    def decisions(self, clip: str) -> Decisions:
        """The numbers and beats of a clip that a person had excluded when the report was made."""
        of_clip = [item for item in self.measurements if item.sources and item.sources[0].clip == clip]
        beats = self.clips[clip].get("excluded_beats", ())
        return Decisions(
            {
                (item.name, item.method): item.excluded.reason
                for item in of_clip
                if item.excluded is not None and not item.excluded.through
            },
            tuple(ExcludedBeat(beat["ed"], beat["es"], beat["reason"]) for beat in beats),
        )

    def corrections(self, clip: str, cine: Callable[[], Cine], card: Callable[[], ModelCard]) -> ClipCorrections | None:
        """What persons had decided about a clip; None where nothing is kept of it.

        ``cine`` gives it as a scene shows it, ``card`` that of the model of its session: both are asked for only where
        there is something. Raises `EchoApexError` where the file with it is damaged.
        """
        if self._kept is None or clip not in self._keptClips:
            return None
        return self._kept.of(cine(), card())

    def kept(self, clip: str) -> Mapping[str, Any]:
        """What is kept of the corrections of a clip, as their file has it; nothing, too, where it cannot be read."""
        return self._keptClips.get(clip, {})

    @cached_property
    def _keptClips(self) -> dict[str, Mapping[str, Any]]:
        try:
            found = self._kept
        except EchoApexError:  # it is told where the clip is shown
            return {}
        return {} if found is None else {str(one.get("file")): one for one in found.clips.values()}

    @cached_property
    def _kept(self) -> CorrectionsFile | None:
        """The file of corrections; None without one. Raises `EchoApexError` for one that cannot be read."""
        name = self.record.get("corrections")
        return None if name is None else read_corrections(self.folder / name)

    def files(self) -> Iterator[tuple[str, Path]]:
        """The file of each clip by its identifier; clips without one are left out."""
        for identifier, clip in self.clips.items():
            if clip["file"] is not None:
                yield identifier, self._file(clip["file"])

    def results(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Of each file that the report knows, what became of it, as entries of `ListedClip`."""
        reasons: dict[Path, list[str]] = {}
        for reason in (*self.record.get("failures", ()), *self.record.get("not_measured", ())):
            if reason["file"] is not None:
                reasons.setdefault(self._file(reason["file"]), []).append(_reason(reason))
        for file, told in reasons.items():
            yield file, {"result": "not used", "refusal": told[0]}
        for clip in self.record["clips"]:
            if clip["file"] is not None:
                file = self._file(clip["file"])
                yield file, self._result(clip, reasons.get(file, ()))

    def calibrations(self) -> dict[Path, Calibration]:
        """The scales by hand that it was made with, by file."""
        clips = [clip for clip in self.record["clips"] if clip["file"] is not None]
        given = {self._file(clip["file"]): clip.get("calibration") for clip in clips}
        return {
            file: Calibration(((one[0], one[1]), (two[0], two[1])), found["mm"])
            for file, found in given.items()
            if found is not None
            for one, two in [found["points"]]
        }

    def _file(self, path: str) -> Path:
        return Path(os.path.normpath(self.folder.absolute() / path)).resolve()

    def _result(self, clip: Mapping[str, Any], reasons: Sequence[str]) -> dict[str, Any]:
        seconds, spacing, outcome = clip["frame_times_s"], clip["scale_mm_per_px"], self._outcome(clip)
        # What speaks against a part of the numbers stands beside these.
        why = () if outcome.startswith("measured") else reasons
        return {
            "view": clip["view"],
            "viewSource": clip.get("view_source", ""),
            "probability": clip.get("view_probability"),
            "mode": clip.get("mode"),
            "frames": clip["frame_count"],
            "rate": (len(seconds) - 1) / (seconds[-1] - seconds[0]) if seconds and seconds[-1] > seconds[0] else None,
            "scale": clip["scale_source"],
            "mmPerPx": None if spacing is None else tuple(spacing),
            "scaleReason": harmless(clip.get("scale_reason") or ""),
            "warnings": tuple(map(harmless, (*clip.get("warnings", ()), *why))),
            "refusal": "",
            "result": outcome,
        }

    def _outcome(self, clip: Mapping[str, Any]) -> str:
        if any(source.clip == clip["id"] for item in self.measurements for source in item.sources):
            beats = len(clip["beats"])
            whole = any(beat.get("complete") for beat in clip["beats"])
            return f"measured, {beats} beat{'' if beats == 1 else 's'}" if whole else "measured, no whole beat"
        return "outlined, not measured" if clip["masks"] else "not used"


def _reason(reason: Mapping[str, Any]) -> str:
    return str(ReadError(reason["rule"], value=reason["value"])).rstrip(".")


def _sentence(reason: Mapping[str, Any]) -> str:
    name = None if reason["file"] is None else Path(reason["file"]).name
    return str(ReadError(reason["rule"], value=reason["value"], file=name))


def _digest(file: Path) -> str:
    """Tells one report from another, and from itself after a new analysis."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise ReadError("The report cannot be read", value=error.strerror, file=file) from None


def scaleWords(source: str | None) -> str:
    """Where millimeters come from, in a word."""
    words = {
        ScaleSource.DICOM_REGION: "region",
        ScaleSource.PIXEL_SPACING: "spacing",
        ScaleSource.USER: "by hand",
        ScaleSource.NONE: "none",
    }
    return "" if source is None else words.get(ScaleSource(source), source)
