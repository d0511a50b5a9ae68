"""A study, unattended: files are grouped into studies, each clip is recognized, outlined and measured, and reported.

One clip that cannot be read or measured never stops the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..analysis.clip_analysis import ClipResult, analyze_clip
from ..analysis.clip_corrections import AppliedCorrections, ClipCorrections
from ..analysis.clip_stages import Stage
from ..analysis.clip_view import find_view
from ..analysis.corrections_file import CorrectionsFile
from ..analysis.study_measurements import summarize
from ..analysis.view_structures import VIEWS
from ..cine import Flip
from ..errors import EchoApexError, NotAClipError, ReadError
from ..inference.view_outlines_landmarks import ModelObserver
from ..measure.body_surface_area import BsaFormula
from ..patient import Patient
from ..report import StudyReport
from ..report.report_folder import JSON_FILE, PAGE_FILE, report_output, write_report_files
from .file_grouping import StudyFiles, find_clips, group_studies
from .instance_copies import COPY, ShownPixels
from .scene_writer_process import SceneWritten, write_scene
from .study_progress import (
    ClipDone,
    ClipFailed,
    ClipPlace,
    ClipStage,
    Message,
    Progress,
    StudyDone,
    StudyFailed,
    StudyStarted,
    Writing,
    unwatched,
)

if TYPE_CHECKING:
    from ..cine import Cine
    from ..inference.view_outlines_landmarks import Observer
    from ..io.output_folder import OutputFolder
    from ..models.model_loading import LoadedModel

    Observe = Callable[[LoadedModel, Cine], Observer]

__all__ = ["StudyOptions", "StudyReport", "WrittenStudy", "analyze_study", "write_studies", "write_study"]


@dataclass(frozen=True)
class StudyOptions:
    """What a user may decide about an analysis.

    ``patient`` goes before what the files say, entry by entry, and is of a single study; ``views`` names views of clips
    by path or file name (``{"clip.dcm": "A4C"}``) and goes before what is recognized; ``flips`` says in the same way
    which are turned before they are looked at. ``observe`` makes what looks at a clip out of model and cine; ``scene``
    is false where no Slicer scene is wanted; with ``ignore_color`` clips with color flow are measured as gray ones.
    ``corrections`` by hand stand, whatever is found.
    """

    patient: Patient | None = None
    views: Mapping[str, str] | None = None
    flips: Mapping[str, str] | None = None
    bsa_formula: BsaFormula = BsaFormula.DUBOIS
    observe: Observe = ModelObserver
    scene: bool = True
    ignore_color: bool = False
    corrections: CorrectionsFile | None = None


@dataclass(frozen=True)
class WrittenStudy:
    """A report, the folder it was written to, its page, and the Slicer scene or why there is none."""

    report: StudyReport
    folder: Path
    page: Path
    scene: SceneWritten


def analyze_study(
    paths: Iterable[str | Path],
    model: LoadedModel,
    *,
    patient: Patient | None = None,
    progress: Progress | None = None,
    options: StudyOptions | None = None,
) -> list[StudyReport]:
    """Analyzes files and folders: one report for each study among them.

    ``patient`` stands for that of the ``options``; ``progress`` is told what happens. Raises `EchoApexError`
    before anything is computed: where there is no file, a view is unknown or of no clip, or a patient is described
    and there are several studies.
    """
    chosen = options or StudyOptions()
    work = _Work(model, chosen if patient is None else replace(chosen, patient=patient), progress or unwatched)
    reports = [work.analyze(study) for study in work.studies(paths)]
    work.tell_unfound()
    return reports


def write_studies(
    paths: Iterable[str | Path],
    model: LoadedModel,
    out: str | Path,
    *,
    progress: Progress | None = None,
    options: StudyOptions | None = None,
    left_out: Callable[[NotAClipError], None] | None = None,
) -> Iterator[WrittenStudy | EchoApexError]:
    """As `analyze_study`, each report written as soon as it is there: only one study is held at a time.

    A single study goes to ``out``, several to a folder each in it, and the report of an earlier single one is removed;
    a study that cannot be written is told by the error, before it is analyzed where that can be known, and the next
    one follows. Reports of earlier runs that stay are told, and ``left_out`` is called with each file that is no clip.
    Raises as `analyze_study`, and where another run is writing
    to ``out`` or the earlier report cannot be removed.
    """
    work = _Work(model, options or StudyOptions(), progress or unwatched)
    return work.write_all(work.studies(paths, left_out), Path(out))


def write_study(report: StudyReport, output: OutputFolder, *, scene: bool, progress: Progress) -> WrittenStudy:
    """Writes a report, and its Slicer scene if ``scene``, all at once; what an earlier run wrote there goes.

    ``output`` comes from `report_output` and has been entered. Raises `EchoApexError` where that is not possible.
    """

    def writing(what: str) -> None:
        progress(Writing(report.id, what))

    write_report_files(output, report, progress=writing)
    written = SceneWritten(None)
    if scene:
        writing("a scene for 3D Slicer")
        written = write_scene(output.staging, output.target)
    output.publish()
    progress(StudyDone(report, output.target, written.path, written.message))
    return WrittenStudy(report, output.target, output.target / PAGE_FILE, written)


def _refusal(folder: Path) -> EchoApexError | None:
    """Why no report can be written to ``folder``, tried before the work; None where one can."""
    try:
        with report_output(folder):
            return None
    except EchoApexError as refusal:
        return refusal


@dataclass
class _Work:
    """One run over some files."""

    model: LoadedModel
    options: StudyOptions
    tell: Progress

    def __post_init__(self) -> None:
        self._views: dict[Path, str] = {}
        self._flips: dict[Path, str] = {}
        self._order: list[str] = []

    def studies(
        self, paths: Iterable[str | Path], left_out: Callable[[NotAClipError], None] | None = None
    ) -> list[StudyFiles]:
        studies = group_studies(find_clips(paths, self._say, left_out))
        self._order = [study.id for study in studies]
        counting = {path: path for study in studies for path in study.files}
        files = counting | {copy: kept for study in studies for copy, kept in study.copies.items()}
        files |= {part: first for study in studies for first, parts in study.series.items() for part in parts}
        self._views = _given(self.options.views or {}, files, "view", VIEWS)
        self._flips = _given(self.options.flips or {}, files, "flip", tuple(Flip))
        if self.options.patient not in (None, Patient()) and len(studies) > 1:
            rule = "Sex, age, height and weight are of one study: analyze each study by itself"
            raise EchoApexError(rule, value=f"{len(studies)} studies")
        return studies

    def _say(self, text: str) -> None:
        self.tell(Message(text))

    def analyze(self, study: StudyFiles) -> StudyReport:
        self.tell(StudyStarted(study.id, 1 + self._order.index(study.id), len(self._order), study.files))
        clips, failures, not_measured = self._clips(study)
        # A model may know views that the engine has no words for.
        clips.sort(key=lambda clip: VIEWS.index(clip.view) if clip.view in VIEWS else len(VIEWS))
        patient = _merged(self.options.patient, study.patient)
        summary = summarize(clips, patient, self.options.bsa_formula)
        report = StudyReport(
            id=study.id,
            title=f"Echocardiogram, {study.id}",
            model=self.model.card,
            clips=tuple(clips),
            measurements=summary.measurements,
            failures=(*failures, *(clip.refusal for clip in clips if clip.refusal is not None)),
            not_measured=(*not_measured, *summary.not_measured),
            notes=(*study.notes, *summary.notes),
            patient=patient,
            biplane=summary.biplane,
        )
        told = {reason for clip in clips for reason in clip.not_measured}
        for text in (*(reason for reason in summary.not_measured if reason not in told), *report.notes):
            self._say(str(text))
        return report

    def write_all(self, studies: Sequence[StudyFiles], out: Path) -> Iterator[WrittenStudy | EchoApexError]:
        """Writes a single study to ``out``, several to a folder each in it."""
        folders = [out] if len(studies) == 1 else [out / study.id for study in studies]
        with ExitStack() as held:
            if len(studies) > 1:
                # The report of a single study there would be taken for one of these.
                held.enter_context(report_output(out)).publish()
            refusals = [_refusal(folder) for folder in folders]
            self._tell_of_earlier(out, folders)
            # Held until the last one is written, or nobody wants it any more.
            until_done = held.pop_all()
        return self._write_each(studies, folders, refusals, until_done)

    def _write_each(
        self,
        studies: Sequence[StudyFiles],
        folders: Sequence[Path],
        refusals: Sequence[EchoApexError | None],
        held: ExitStack,
    ) -> Iterator[WrittenStudy | EchoApexError]:
        with held:
            for study, folder, refusal in zip(studies, folders, refusals, strict=True):
                done = refusal or self._write(study, folder)
                if isinstance(done, EchoApexError):
                    self.tell(StudyFailed(study.id, done))
                if refusal is None and isinstance(done, EchoApexError) and (folder / JSON_FILE).is_file():
                    self._say(f"{folder} still holds the report of an earlier run")
                yield done
        self.tell_unfound()

    def _write(self, study: StudyFiles, folder: Path) -> WrittenStudy | EchoApexError:
        try:
            with report_output(folder) as output:
                return write_study(self.analyze(study), output, scene=self.options.scene, progress=self.tell)
        except EchoApexError as refusal:
            return refusal

    def _tell_of_earlier(self, out: Path, folders: Sequence[Path]) -> None:
        """Says which folders of an earlier run will lie beside the new ones."""
        found = sorted(file.parent for file in out.glob(f"study-*/{JSON_FILE}"))
        earlier = [folder.name for folder in found if folder not in folders]
        if earlier:
            self._say(f"{', '.join(earlier)} in {out}: of an earlier run, and left as found")

    def _clips(self, study: StudyFiles) -> tuple[list[ClipResult], list[EchoApexError], list[EchoApexError]]:
        """The clips that could be read, files that failed, and files that show nothing to measure."""
        from ..io import read_cine, read_series

        clips: list[ClipResult] = []
        failures: list[EchoApexError] = []
        traces: list[EchoApexError] = []
        shown = ShownPixels()
        files = list(study.files)
        for number, path in enumerate(files, start=1):  # grows by the copies of what cannot be read
            place = ClipPlace(study.id, path, number, len(files))
            try:
                self.tell(ClipStage(place, Stage.READING))
                cine = read_series(study.series[path]) if path in study.series else read_cine(path)
                shown.check_new(cine, path)
                clips.append(self._clip(cine, place, clips))
                self.tell(ClipDone(place, clips[-1]))
            except EchoApexError as refusal:
                failed = not _shows_nothing_to_measure(refusal, path)
                self.tell(ClipFailed(place, refusal, failed))
                (failures if failed else traces).append(refusal)
                if failed and isinstance(refusal, ReadError):
                    files += self._stand_ins(study, path, files)
        copies = [refusal for refusal in _left_out(study) if Path(str(refusal.file)) not in files]
        for copy in copies:
            self._say(str(copy))
        return clips, failures, [*copies, *traces]

    def _stand_ins(self, study: StudyFiles, path: Path, files: Sequence[Path]) -> list[Path]:
        """The first copy of a file that cannot be read, which counts in its place, as long as there is one."""
        kept = study.copies.get(path, path)
        copies = [copy for copy, first in study.copies.items() if first == kept and copy not in files][:1]
        self._views |= {copy: self._views[path] for copy in copies if path in self._views}
        self._flips |= {copy: self._flips[path] for copy in copies if path in self._flips}
        return copies

    def _clip(self, cine: Cine, place: ClipPlace, earlier: Sequence[ClipResult]) -> ClipResult:
        def tell(stage: Stage) -> None:
            self.tell(ClipStage(place, stage))

        cine, corrections = self._corrected(cine, place.file)
        observer = self.options.observe(self.model, cine)
        tell(Stage.VIEW)
        view = find_view(observer, cine, self._views.get(place.file))
        applied = None if corrections is None else AppliedCorrections(corrections)
        if corrections is not None and corrections.view not in (None, view.name):
            view, applied = find_view(observer, cine, corrections.view), AppliedCorrections(corrections, True)
        name = f"{view.name}-{1 + sum(clip.view == view.name for clip in earlier)}"
        return analyze_clip(observer, self.model.card.structures, cine, name, view, tell=tell, corrections=applied)

    def _corrected(self, cine: Cine, path: Path) -> tuple[Cine, ClipCorrections | None]:
        """The clip as it is to be looked at, and what else was decided about it by hand."""
        if path in self._flips:
            cine = cine.turned(Flip(self._flips[path]))
        file = self.options.corrections
        corrections = None if file is None else file.of(cine, self.model.card)
        if corrections is not None:
            if corrections.flip is not None and cine.flip is None:
                cine = cine.turned(corrections.flip)
            self._check_one_view(path, corrections)
            cine = corrections.calibrated(cine)
        return (cine.ignoring_color() if self.options.ignore_color else cine), corrections

    def _check_one_view(self, path: Path, corrections: ClipCorrections) -> None:
        given = self._views.get(path, corrections.view)
        if corrections.view not in (None, given):
            found = f"{given} and, among its corrections, {corrections.view}"
            raise EchoApexError("A clip has one view", value=found, file=path)

    def tell_unfound(self) -> None:
        """Says which corrections belong to no clip."""
        for sentence in () if self.options.corrections is None else self.options.corrections.unfound():
            self._say(sentence)


def _left_out(study: StudyFiles) -> Iterator[ReadError]:
    rule = f"{COPY} (same SOPInstanceUID, or the same bytes)"
    return (ReadError(rule, value=kept.name, file=copy) for copy, kept in study.copies.items())


def _given(named: Mapping[str, str], files: Mapping[Path, Path], what: str, known: Sequence[str]) -> dict[Path, str]:
    """What the user gave to each clip; ``files`` are all of them, each with the one that counts in its place.

    Raises `EchoApexError` for what is not ``known``, or names not one clip.
    """
    given: dict[Path, str] = {}
    for name, value in named.items():
        if value not in known:
            raise EchoApexError(f"A {what} is one of {', '.join(known)}", value=value)
        matching = {kept for file, kept in files.items() if file.resolve() == Path(name).resolve() or file.name == name}
        if len(matching) != 1:
            found = f"{len(matching)} of this name"
            raise EchoApexError(f"A {what} is given to one of the clips", value=found, file=name)
        given[matching.pop()] = value
    return given


def _shows_nothing_to_measure(refusal: EchoApexError, path: Path) -> bool:
    """Whether nothing has failed: what was refused is no clip, or shows an M-mode or spectral Doppler trace alone."""
    from ..io import shows_only_a_trace

    if isinstance(refusal, NotAClipError) or not isinstance(refusal, ReadError):
        return isinstance(refusal, NotAClipError)
    try:
        return shows_only_a_trace(path)
    except ReadError:
        return False


def _merged(given: Patient | None, found: Patient) -> Patient:
    """What the user gave, and what the files say where the user gave nothing."""
    if given is None:
        return found
    return replace(found, **{name: value for name, value in vars(given).items() if value is not None})
