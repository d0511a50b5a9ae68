"""Section "Analysis": what is known of the patient, where reports go, and how far the analysis is."""

from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from .clipTexts import openingText

FOLDER_SETTING = "EchoApex/ReportFolder"
DEFAULT_FOLDER = "EchoApex reports"


class AnalysisSection:
    """Starts and cancels the analysis of the study of the chosen clip, or of that clip alone."""

    def __init__(self, panel, examination):
        self.panel, self.ui, self.study, self.examination = panel, panel.ui, panel.study, examination
        self._filledFor = None
        ui = self.ui
        for text, value in ((_("Sex –"), ""), (_("female"), "F"), (_("male"), "M")):
            ui.sexBox.addItem(text, value)
        self._folder = None
        self.followSettings()
        ui.folderEdit.connect("currentPathChanged(QString)", self.onFolder)
        ui.analyzeButton.connect("clicked()", lambda: self.analyze(False))
        ui.analyzeClipButton.connect("clicked()", lambda: self.analyze(True))
        ui.cancelButton.connect("clicked()", self.onCancel)

    def onFolder(self, path):
        self._folder = path
        qt.QSettings().setValue(FOLDER_SETTING, path)

    def followSettings(self):
        """The folder of the settings, which may be changed in their page, too."""
        folder = slicer.util.settingsValue(FOLDER_SETTING, "") or str(Path.home() / DEFAULT_FOLDER)
        if folder != self._folder:
            self._folder = folder
            self.ui.folderEdit.currentPath = folder

    def onCancel(self):
        self.panel.attempt(self.study.cancel)

    def analyze(self, clipOnly):
        """Analyzes the study of the chosen clip, or ``clipOnly`` that."""
        self.panel.attempt(lambda: self._analyze(clipOnly))

    def _analyze(self, clipOnly):
        from echoapex.errors import EchoApexError

        clip, folder = self.examination.clip, self.ui.folderEdit.currentPath.strip()
        if clip is None:
            raise EchoApexError(_("Open an examination first"))
        if not folder:
            raise EchoApexError(_("Say in which folder reports are to be written"))
        only = clip if clipOnly else None
        self.study.analyze(clip.study, self.patient(), Path(folder).expanduser().absolute(), only)

    def patient(self):
        """What the user has said of the patient; raises `EchoApexError` for what nobody is."""
        from echoapex.patient import Patient, Sex

        ui = self.ui
        sex = ui.sexBox.currentData
        told = [box.value or None for box in (ui.ageBox, ui.heightBox, ui.weightBox)]
        return Patient(Sex(sex) if sex else None, *told)

    # Showing

    def update(self):
        analyzing, clip = self.study.analyzing, self.examination.clip
        ready = clip is not None and not analyzing and not self.study.listing
        self.ui.analyzeButton.enabled = ready
        self.ui.analyzeClipButton.enabled = ready and not clip.refusal
        self.ui.cancelButton.enabled = self.study.busy and not self.study.listing
        self._showPatient(clip)
        self._showProgress()

    def _showPatient(self, clip):
        """What the headers say stands where nothing is given; what was given for one study is not for the next."""
        study = None if clip is None else self.study.list.studies.get(clip.study)
        if study is self._filledFor:
            return
        self._filledFor, known = study, {} if study is None else study.patient
        ui = self.ui
        sex = {"F": _("female"), "M": _("male")}.get(known.get("sex"))
        ui.sexBox.setItemText(0, _("Sex –") if sex is None else _("{value}, file").format(value=sex))
        ui.sexBox.setCurrentIndex(0)
        for box, name, nothing in (
            (ui.ageBox, "age", _("Age –")),
            (ui.heightBox, "height_cm", _("Height –")),
            (ui.weightBox, "weight_kg", _("Weight –")),
        ):
            box.setValue(0)
            value = known.get(name)
            found = "" if value is None else f"{value:.{box.decimals}f}{box.suffix}"
            box.specialValueText = _("{value}, file").format(value=found) if found else nothing

    def _showProgress(self):
        bar, analysis = self.ui.progressBar, self.study.analysis
        progress = None if analysis is None else analysis.progress
        busy = self.study.analyzing
        count, done = (progress.clips, progress.finished) if busy and progress.clips else (1, 0)
        opening = self.study.opening
        if opening is not None and not busy:
            count, done = max(opening.count, 1), opening.done
        if (bar.maximum, bar.value) != (count, done):
            bar.setMaximum(count)
            bar.setValue(done)
        self.ui.progressLabel.text = progressText(analysis) if opening is None or busy else openingText(opening)


def progressText(analysis):
    """Where an analysis is, in a line."""
    if analysis is None:
        return ""
    if analysis.state == "running":
        return analysis.progress.words or _("The model is being loaded...")
    if analysis.state == "ending":
        return _("The analysis is being ended...")
    return {"done": _("The analysis is done."), "canceled": _("Canceled.")}.get(str(analysis.state), _("Failed."))
