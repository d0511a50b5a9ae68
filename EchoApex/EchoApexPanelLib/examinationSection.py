"""Section "Examination": the clips that were opened, several studies apart, and the one that is chosen."""

import qt
import slicer
from slicer.i18n import tr as _

from .tables import choosing, fitColumns, setCell, setTightRows

VIEWS = ("A4C", "A2C", "A3C", "A5C", "PLAX", "PSAX_AV", "PSAX_MV", "PSAX_PM", "PSAX_APEX", "SC4C", "OTHER")

EXTENSIONS = (
    "*.dcm *.avi *.mp4 *.m4v *.mov *.gif *.mkv *.webm *.wmv *.mpg *.vob *.ts *.3gp *.flv "
    "*.nii *.nii.gz *.mhd *.mha *.nrrd"
)
COLUMN_COUNT, MODE = 7, 6
"""Columns of the list, and which is that of the mode."""


class ExaminationSection:
    """The list of clips; the chosen one is known by its file."""

    def __init__(self, panel):
        self.panel, self.ui, self.study = panel, panel.ui, panel.study
        self.chosen, self._byUser = None, False
        self._rows = []
        ui = self.ui
        self._fillViews()
        ui.openButton.connect("clicked()", self.onOpen)
        ui.openFolderButton.connect("clicked()", self.onOpenFolder)
        ui.clipTable.connect("itemSelectionChanged()", self.onChosen)
        ui.clipTable.connect("cellDoubleClicked(int,int)", lambda row, column: self.onShow())
        ui.viewBox.connect("activated(int)", self.onView)
        ui.showButton.connect("clicked()", self.onShow)
        ui.workButton.connect("clicked()", self.onWork)
        setTightRows(ui.clipTable)
        fitColumns(ui.clipTable, 0)

    def _fillViews(self):
        from echoapex.report.display_names import VIEW_NAMES

        self.ui.viewBox.addItem(_("as found"), "")
        for row, view in enumerate(VIEWS, 1):
            self.ui.viewBox.addItem(view, view)
            self.ui.viewBox.setItemData(row, VIEW_NAMES[view], qt.Qt.ToolTipRole)

    @property
    def clip(self):
        """The clip that is chosen; None where there is none."""
        return next((clip for clip in self.study.list.clips if clip.file == self.chosen), None)

    def choose(self, file):
        """Chooses the clip of a file, where it is in the list."""
        if any(clip.file == file for clip in self.study.list.clips):
            self.chosen, self._byUser = file, True
            self.panel.outdate()

    # Buttons

    def onOpen(self):
        paths = qt.QFileDialog.getOpenFileNames(
            self.panel.uiWidget,
            _("Open clips"),
            "",
            _("Clips ({extensions});;All files (*)").format(extensions=EXTENSIONS),
        )
        if paths:
            self.panel.openPaths(list(paths))

    def onOpenFolder(self):
        path = qt.QFileDialog.getExistingDirectory(self.panel.uiWidget, _("Open the clips in a folder"), "")
        if path:
            self.panel.openPaths([path])

    def onChosen(self):
        row = self.ui.clipTable.currentRow()
        if 0 <= row < len(self._rows) and self._rows[row] is not None:
            self.chosen, self._byUser = self._rows[row], True
            self.panel.outdate()

    def onView(self, index):
        view = self.ui.viewBox.itemData(index)
        if self.chosen is not None:
            self.study.giveView(self.chosen, view or None)
            self.panel.outdate()

    def onShow(self):
        self.panel.attempt(self._show)

    def _show(self):
        from echoapex.errors import EchoApexError

        if self.clip is None:
            raise EchoApexError(_("Choose a clip first"))
        return self.study.showFile(self.clip)

    def onWork(self):
        """Goes on with the chosen clip in EchoApexSegment; without a list with the clip that is shown."""
        browser = self._shown() if self.clip is None else self.panel.attempt(self._show)
        if browser is not None:
            slicer.util.selectModule("EchoApexSegment")
            segment = slicer.util.getModuleWidget("EchoApexSegment")
            segment.ui.cineSelector.setCurrentNode(browser)
            segment.offerStudy()

    @staticmethod
    def _shown():
        from EchoApexLib.sliceView.redSliceSetup import shownBrowser

        return shownBrowser(slicer.mrmlScene)

    # Showing

    def update(self):
        self._chooseByItself()
        self._showTable()
        clip = self.clip
        self.ui.showButton.enabled = self.ui.viewBox.enabled = clip is not None
        self.ui.workButton.enabled = clip is not None or self._shown() is not None
        given = clip is not None and clip.viewSource == "user"
        self.ui.viewBox.setCurrentIndex(VIEWS.index(clip.view) + 1 if given and clip.view in VIEWS else 0)
        self.ui.listLabel.text = listText(self.study)
        self.ui.listLabel.toolTip = "\n".join(self.study.leftOut)
        self.ui.clipLabel.text = "" if clip is None else clipText(clip)

    def _chooseByItself(self):
        """Until the user chooses a clip it is the one that is shown, else the first that is used."""
        if self.clip is None:
            self._byUser = False
            self.chosen = next((clip.file for clip in self.study.list.clips if not clip.refusal), None)
        if not self._byUser:
            self.chosen = self.study.shownFile or self.chosen

    def _showTable(self):
        table, several = self.ui.clipTable, len(self.study.list.studies) > 1
        rows = []
        for study in self.study.list.studies.values():
            rows += [study] if several else []
            rows += [self.study.list.clip(file) for file in study.files]
        self._rows = [getattr(row, "file", None) for row in rows]
        # In most studies all clips are alike, and the room is needed.
        table.setColumnHidden(MODE, all(clip.mode in (None, "2D") for clip in self.study.list.clips))
        table.clearSpans()
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            if self._rows[number] is None:
                self._showStudy(number, row)
            else:
                self._showClip(number, row)
        choosing(table, self._rows.index(self.chosen) if self.chosen in self._rows else -1)

    def _showStudy(self, row, study):
        texts = [studyText(self.study.list, study), *[""] * (COLUMN_COUNT - 1)]
        for column, text in enumerate(texts):
            item = setCell(self.ui.clipTable, row, column, text, "\n".join(study.notes))
            item.setFlags(qt.Qt.ItemIsEnabled)
        self.ui.clipTable.setSpan(row, 0, 1, COLUMN_COUNT)

    def _showClip(self, row, clip):
        for column, text in enumerate(clipCells(clip, self.study)):
            item = setCell(self.ui.clipTable, row, column, text, clipText(clip))
            item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)


def listText(study):
    """How many clips there are, and what is left out."""
    clips, count = study.list.clips, len(study.list.studies)
    if not clips:
        return _("The headers are being read...") if study.listing else _("No examination is open.")
    studies = _("{count} studies, ").format(count=count) if count > 1 else ""
    unused = sum(bool(clip.refusal) for clip in clips)
    parts = [_("{studies}{count} clips").format(studies=studies, count=len(clips))]
    parts += [_("{count} not used").format(count=unused)] if unused else []
    parts += [_("left out: {first}").format(first=study.leftOut[0].rstrip("."))] if study.leftOut else []
    more = _("; more is being read...") if study.listing else "."
    return "; ".join(parts) + more


def studyText(clips, study):
    """The head of a study in the list."""
    facts = [patientText(study.patient), _("{count} clips").format(count=len(clips.clipsOf(study.id)))]
    return f"{study.id}: {', '.join(filter(None, facts))}"


def patientText(patient):
    """What the headers say of the patient, who is never named."""
    sex = {"F": _("female"), "M": _("male")}.get(patient["sex"], "")
    age = "" if patient["age"] is None else _("{age:.0f} years").format(age=patient["age"])
    height = "" if patient["height_cm"] is None else _("{height:.0f} cm").format(height=patient["height_cm"])
    weight = "" if patient["weight_kg"] is None else _("{weight:.1f} kg").format(weight=patient["weight_kg"])
    return ", ".join(filter(None, (sex, age, height, weight)))


def clipCells(clip, study):
    """What the list says of a clip, column by column."""
    from EchoApexLib.study.openedReport import scaleWords

    rate = "" if clip.rate is None else f", {clip.rate:.0f}/s"
    return (
        clip.file.name,
        clip.view or "–",
        sourceText(clip),
        resultText(clip, study),
        "–" if clip.frames is None else f"{clip.frames}{rate}",
        scaleWords(clip.scale) or "–",
        clip.mode or "–",
    )


def sourceText(clip):
    """Who named the view of a clip."""
    return {"header": _("header"), "user": _("you"), "recognized": _("model")}.get(clip.viewSource, "–")


def resultText(clip, study):
    """What became of a clip, or becomes of it just now; ⚠ where there is something to know."""
    done = study.analysis.progress.done.get(clip.file) if study.analyzing else None
    if done is not None:
        return _("done") if done["event"] == "clip_done" else _("not used")
    result = _("not used") if clip.refusal else clip.result.partition(",")[0]
    return f"{result} ⚠".strip() if clip.warnings else result


def clipText(clip):
    """What is to be known of a clip: its file, why it is not used, its scale, its warnings."""
    spacing = "" if clip.mmPerPx is None else " x ".join(dict.fromkeys(f"{one:.3f}" for one in clip.mmPerPx))
    scale = _("{spacing} mm per pixel.").format(spacing=spacing) if spacing else ""
    if clip.scale == "none":
        scale = _("No scale, so no millimeters: {reason}.").format(reason=clip.scaleReason)
    unused = _("Not used: {reason}.").format(reason=clip.refusal) if clip.refusal else ""
    became = f"{clip.result[0].upper()}{clip.result[1:]}." if clip.result and not unused else ""
    mode = f"{clip.mode}." if clip.mode else ""
    told = (
        f"{clip.file.name}.",
        unused,
        viewText(clip),
        mode,
        became,
        scale,
        *(_sentence(one) for one in clip.warnings),
    )
    return " ".join(filter(None, told))


def viewText(clip):
    """The view of a clip, and how sure the model is of it."""
    if clip.viewSource == "recognized" and clip.probability is not None:
        text = _("{view} by the model ({probability:.2f}).")
        return text.format(view=clip.view, probability=clip.probability)
    text = {"header": _("{view} by the header."), "user": _("{view} by you.")}.get(clip.viewSource, "")
    return text.format(view=clip.view)


def _sentence(text):
    return f"{text.rstrip('.')}."
