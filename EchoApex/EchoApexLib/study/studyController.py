"""What a panel does with an examination: lists its clips, has it analyzed, opens its report, shows what it is from.

No Qt: whoever drives it calls `StudyController.tick` every few milliseconds from the main thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from echoapex.analysis.clip_corrections import Calibration
from echoapex.errors import EchoApexError
from echoapex.models.model_card import UNKNOWN
from echoapex.patient import Patient
from echoapex.report.comparison import Comparison

from ..cine.clipOpening import ClipOpening
from ..cine.echoViewLabel import VIEW, setViewOf
from ..cine.fileMarks import browsersOf
from ..pythonDependencies import installModelLibraries, missingModules, pythonExecutable
from ..sliceView.redSliceSetup import showBrowser, shownBrowser
from ..userSettings import UserSettings
from .changedSince import Changes, ChangesSince
from .clipList import ClipList, ListedClip
from .clipReader import ClipReader
from .clipScales import ClipScales
from .clipShowing import ClipShowing, Then
from .gatheredCorrections import CorrectionsFile, CorrectionsOfScene
from .numberDecisions import NumberDecisions
from .openedReport import OpenedReport, Place
from .reportInScene import ReportInScene
from .sampleStudy import SampleStudies
from .studyAnalysis import AnalysisState, StudyAnalysis, analyzeCommand

Said = Callable[[str], None]


def _nothing(_browser: Any) -> None:
    """What is done with a clip that was shown where nobody wants more."""


class StudyController:
    """The work on one examination in ``scene``.

    ``changed`` is told that something on screen is out of date, ``said`` gets a sentence for the user. ``start`` makes
    the analysis of a command line, ``settings`` gives what the user has set. The list and an analysis outlive the
    scene; what is shown of a report does not.
    """

    def __init__(
        self,
        scene: Any,
        changed: Callable[[], None],
        said: Said,
        *,
        start: Callable[[Sequence[str]], StudyAnalysis] = StudyAnalysis,
        settings: Callable[[], UserSettings] = UserSettings,
    ) -> None:
        self._scene, self._changed, self._said, self._start = scene, changed, said, start
        self._settings = settings
        self._gathering, self._corrections = CorrectionsOfScene(scene, self._userSettings), CorrectionsFile()
        self.samples = SampleStudies(lambda folder: self.open([folder]), said)
        self._reader: ClipReader | None = None
        self._clips = ClipShowing(scene, self._clipReady, said)
        self._scales = ClipScales(scene)
        self.list = ClipList()
        self.leftOut: tuple[str, ...] = ()
        self._next: Place | None = None
        self._left: tuple[str, int] | None = None
        self.analysis: StudyAnalysis | None = None
        self.shown: ReportInScene | None = None
        self.decisions: NumberDecisions | None = None
        self._since: ChangesSince | None = None
        self.earlier: OpenedReport | None = None
        self.comparison: Comparison | None = None

    def _userSettings(self) -> UserSettings:
        """As they are when it is asked."""
        return self._settings()

    @property
    def report(self) -> OpenedReport | None:
        """The report that is open."""
        return None if self.shown is None else self.shown.report

    @property
    def changes(self) -> Changes:
        """What was changed by hand in the clips of the report since it was made."""
        return {} if self._since is None else self._since.of(self.list)

    @property
    def listing(self) -> bool:
        """Whether headers are still being read."""
        return self._reader is not None and self._reader.listing

    @property
    def opening(self) -> ClipOpening | None:
        """The clip that is on its way into the scene, if there is one."""
        return self._clips.opening

    @property
    def analyzing(self) -> bool:
        """Whether an analysis runs."""
        return self.analysis is not None and self.analysis.busy

    @property
    def busy(self) -> bool:
        """Whether anything is under way that is to be looked at often."""
        return self.listing or self.analyzing or self.opening is not None or self.samples.underWay is not None

    # Opening

    def open(self, paths: Iterable[str | Path]) -> None:
        """Lists the clips among files and folders in place of those before. Raises `EchoApexError`."""
        given = list(paths)
        if not given:
            raise EchoApexError("There is nothing to open")
        if self.analyzing:
            raise EchoApexError("An analysis runs: wait for it, or cancel it, before other files are opened")
        self._closeReader()
        self._reader = ClipReader(given, pythonExecutable(), self._said, self.list.calibrations)
        self.list, self.leftOut, self.analysis = self._reader.list, (), None
        self._changed()

    def openSimulated(self, folder: Path) -> None:
        """Has a study of a simulated heart made in ``folder``, and lists it then. Raises `EchoApexError`."""
        if self.analyzing:
            raise EchoApexError("An analysis runs: wait for it, or cancel it, before other files are opened")
        self.samples.make(folder)
        self._changed()

    def tick(self, mayShow: bool = True) -> None:
        """Takes what the processes have found by now. Waits for none.

        Where it ``mayShow`` anything, it turns to the clip that is to be shown next.
        """
        place = self._next if mayShow else None
        self._next = None if mayShow else self._next
        if place is not None:
            self._attempt(lambda: self.show(place))
        self._attempt(lambda: self._goOn(mayShow))
        self._attempt(self.samples.poll)
        if self._reader is not None and self._reader.poll():
            self._listed(self._reader)
        if self.analysis is not None and self.analysis.poll():
            self._changed()
            if not self.analysis.busy:
                self._analyzed(self.analysis)

    def _goOn(self, mayShow: bool) -> None:
        if self._clips.poll(mayShow):
            self._changed()
        if not self._scene.IsClosing() and not self._scene.IsImporting():
            self._scales.keep(self.list)

    def _clipReady(self, browser: Any, file: Path | None) -> None:
        if file is not None and file in self.list:
            self._scales.applyTo(browser, file, self.list)

    def _listed(self, reader: ClipReader) -> None:
        self.leftOut = reader.leftOut
        if not reader.listing and reader.expected == 0:
            self._said(f"None of these files is a clip of ultrasound: {'; '.join(self.leftOut)}")
        if self.report is not None:
            self._takeResults(self.report)
        self._changed()

    # Analyzing

    def analyze(self, study: str, patient: Patient, root: Path, only: ListedClip | None = None) -> None:
        """Analyzes a study, or ``only`` one clip of it, into a folder of its own below ``root``.

        What was corrected in the scene is an input of it. What the model needs and is not installed is installed first,
        with consent. Raises `EchoApexError`.
        """
        clips = self.list.clipsOf(study) if only is None else (only,)
        files = [file for clip in clips for file in clip.files]
        if not files:
            raise EchoApexError("Open an examination first")
        if self.analyzing or self.listing:
            raise EchoApexError("An analysis or the list of clips is still under way")
        settings = self._settings()
        settings.check()
        if missingModules():
            installModelLibraries()
        given = self._givenViews(study, files)
        scales = {clip.file: clip.calibration for clip in clips if clip.calibration is not None}
        found = self._gathering.write(scales, [clip.file for clip in clips])
        corrections = self._corrections.keep(found)
        command = analyzeCommand(pythonExecutable(), files, root / _folderOf(files), given, patient, corrections)
        verb = command.index("analyze") + 1
        try:
            self.analysis = self._start([*command[:verb], *settings.options(), *command[verb:]])
        except EchoApexError:
            self._corrections.remove()
            raise
        self._changed()

    def giveView(self, file: Path, view: str | None) -> None:
        """The user says which view the clip of a file is, in the list and in the scene; None takes that back."""
        self.list.giveView(file, view)
        for browser in browsersOf(self._scene, file):
            setViewOf(browser, view)
        self._changed()

    def _givenViews(self, study: str, files: Sequence[Path]) -> dict[Path, str]:
        """The views that were given to clips which are not in the scene: there they may have been changed since."""
        given = {file: view for file, view in self.list.givenViews(study).items() if file in files}
        for file in list(given):
            said = [browser.GetAttribute(VIEW) for browser in browsersOf(self._scene, file)]
            if any(said):
                view = next(filter(None, said))
                self.list.giveView(file, None if view == UNKNOWN else view)
                del given[file]
        return given

    def cancel(self) -> None:
        """Ends the opening of a clip at once, the analysis within two seconds; a report of before stays as it is."""
        if self.samples.close():
            self._said("The simulated study was not made.")
        if self._clips.cancel():
            self._said("The clip was not opened.")
            self._changed()
        if self.analysis is not None:
            self.analysis.cancel()
            self._changed()

    def _analyzed(self, analysis: StudyAnalysis) -> None:
        self._corrections.remove()
        if analysis.state is AnalysisState.CANCELED:
            self._said("The analysis was canceled; nothing of it was written.")
        elif analysis.report is None:
            self._said(analysis.problem)
        else:
            folder = analysis.report
            self._attempt(lambda: self.openReport(folder))

    def _attempt(self, action: Callable[[], object]) -> None:
        try:
            action()
        except EchoApexError as refusal:
            self._said(str(refusal))

    # Results

    def openReport(self, folder: str | Path, *, showing: bool = True) -> None:
        """Opens the report in ``folder``; with ``showing`` a clip of it is shown at the next `tick`.

        That is the clip that is shown, if it is one of this report, else the best. Raises `EchoApexError` where there
        is none that can be read.
        """
        report = OpenedReport(folder)
        self.stopComparing()
        self.shown = ReportInScene(self._scene, report, self._userSettings, self._said)
        self.decisions = NumberDecisions(self._scene, self.shown, self._userSettings)
        self._since = ChangesSince(self.shown)
        self._takeResults(report)
        if showing:
            self._next = self.shown.begin
        self._changed()

    def _takeResults(self, report: OpenedReport) -> None:
        self.list.calibrations.adopt(report.calibrations())
        for file, found in report.results():
            self.list.takeResult(file, **found)

    def closeReport(self) -> None:
        """Shows no report; that on disk stays."""
        self.shown = self.decisions = self._since = self._next = self.earlier = self.comparison = None
        self._changed()

    def compareWith(self, path: str | Path) -> None:
        """Compares the open report with an earlier one: a folder, or its report.json. Raises `EchoApexError`."""
        if self.report is None:
            raise EchoApexError("No report is open")
        self.earlier, self.comparison = self.report.compareWith(path)
        self._changed()

    def stopComparing(self) -> None:
        """Shows the numbers of the open report alone."""
        self.earlier = self.comparison = None
        self._changed()

    def show(self, place: Place, then: Then = _nothing) -> Any:
        """Shows a frame that a number of the report comes from, now, or once its clip was read.

        Gives the browser if it is there already; ``then`` is called with it as soon as it is shown. Raises
        `EchoApexError`.
        """
        if self.shown is None:
            raise EchoApexError("No report is open")
        browser = self._clips.place(self.shown, place, then)
        self._changed()
        return browser

    def bring(self, clip: str, refused: Said) -> None:
        """Has a clip of the open report read into the scene, as `ClipShowing.bring`."""
        if self.shown is not None and self._clips.bring(self.shown, clip, refused):
            self._changed()

    @property
    def shownFile(self) -> Path | None:
        """The file in the list whose clip is in the view; None for another one."""
        shown = shownBrowser(self._scene)
        if shown is None:
            return None
        return next((clip.file for clip in self.list.clips if shown in browsersOf(self._scene, clip.file)), None)

    def showFile(self, clip: ListedClip, then: Then = _nothing) -> Any:
        """As `show`, a clip of the list, as the report has it if it does."""
        if self.shown is not None:
            for identifier, file in self.shown.report.files():
                if file == clip.file:
                    return self.show(self.shown.first(identifier), then)
        if clip.refusal:
            raise EchoApexError("This clip is not used", value=clip.refusal, file=clip.file.name)
        browser = self._clips.file(clip, then)
        self._changed()
        return browser

    # Scales by hand

    def calibrate(self, files: Iterable[Path], calibration: Calibration | None, browser: Any) -> None:
        """Gives clips of the list a scale by hand, or takes it from them where it is None.

        ``browser`` shows the first of them. Raises `EchoApexError` for what can be no scale.
        """
        self._scales.give(self.list, files, calibration, browser)
        self._changed()

    def undoCalibration(self) -> None:
        """Takes back what was done last with the scales of clips."""
        self._scales.undo(self.list)
        self._changed()

    # Going and coming back

    def leave(self) -> None:
        """Another module is turned to: `comeBack` shows the clip and the frame that are shown now."""
        shown = shownBrowser(self._scene)
        self._left = None if shown is None else (shown.GetID(), shown.GetSelectedItemNumber())

    def comeBack(self) -> None:
        """Shows what was shown when it was left, if it is still there."""
        identifier, frame = self._left or ("", 0)
        browser, self._left = self._scene.GetNodeByID(identifier), None
        if browser is not None and browser.GetMasterSequenceNode() is not None:
            showBrowser(self._scene, browser)
            browser.SetSelectedItemNumber(frame)

    # Ending

    def sceneClosed(self) -> None:
        """The clips are gone from the scene; the list, its scales and an analysis stay."""
        self._clips.end()
        self._scales.sceneClosed()
        self._left = None
        self.closeReport()

    def sceneRead(self) -> None:
        """A scene was read: the scales by hand that it keeps are those of the list. Raises `EchoApexError`."""
        self._scales.read(self.list)

    def close(self) -> None:
        """Ends everything that runs, at once."""
        self._closeReader()
        self.samples.close()
        self._clips.end()
        if self.analysis is not None:
            self.analysis.close()
        self._corrections.remove()
        self.shown = self.decisions = self._since = self._next = None

    def _closeReader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def _folderOf(files: Sequence[Path]) -> str:
    """The folder of the report of these files: the same each time, and not named like a patient."""
    names = "\n".join(sorted(str(file) for file in files))
    return f"study-{hashlib.sha256(names.encode()).hexdigest()[:10]}"
