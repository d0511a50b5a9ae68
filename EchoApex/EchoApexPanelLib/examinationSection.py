"""Section "Examination": the clips that were opened, several studies apart, and the one that is chosen."""

import qt
import slicer
from slicer.i18n import tr as _

from .clipTable import ClipTable
from .clipTexts import clipText, listText

VIEWS = ("A4C", "A2C", "A3C", "A5C", "PLAX", "PSAX_AV", "PSAX_MV", "PSAX_PM", "PSAX_APEX", "SC4C", "OTHER")

EXTENSIONS = (
    "*.dcm *.avi *.mp4 *.m4v *.mov *.gif *.mkv *.webm *.wmv *.mpg *.vob *.ts *.3gp *.flv "
    "*.nii *.nii.gz *.mhd *.mha *.nrrd"
)


class ExaminationSection:
    """The list of clips; the chosen one is known by its file."""

    def __init__(self, panel):
        self.panel, self.ui, self.study = panel, panel.ui, panel.study
        self.chosen, self._byUser = None, False
        ui = self.ui
        self.table = ClipTable(panel)
        self._fillViews()
        ui.openButton.connect("clicked()", self.onOpen)
        ui.openFolderButton.connect("clicked()", self.onOpenFolder)
        ui.clipTable.connect("itemSelectionChanged()", self.onChosen)
        ui.clipTable.connect("cellDoubleClicked(int,int)", lambda row, column: self.onShow())
        ui.viewBox.connect("activated(int)", self.onView)
        ui.showButton.connect("clicked()", self.onShow)
        ui.workButton.connect("clicked()", self.onWork)

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
        file = self.table.fileOf(self.ui.clipTable.currentRow())
        if file is not None:
            self.chosen, self._byUser = file, True
            self.panel.outdate()

    def onView(self, index):
        view = self.ui.viewBox.itemData(index)
        if self.chosen is not None:
            self.study.giveView(self.chosen, view or None)
            self.panel.outdate()

    def onShow(self):
        self.panel.attempt(self._show)

    def _show(self, then=None):
        from echoapex.errors import EchoApexError

        if self.clip is None:
            raise EchoApexError(_("Choose a clip first"))
        self.study.showFile(self.clip, *([] if then is None else [then]))

    def onWork(self):
        """Goes on with the chosen clip in EchoApexSegment; without a list with the clip that is shown."""
        shown = self._shown()
        if self.clip is not None:
            self.panel.attempt(lambda: self._show(workOn))
        elif shown is not None:
            workOn(shown)

    @staticmethod
    def _shown():
        from EchoApexLib.sliceView.redSliceSetup import shownBrowser

        return shownBrowser(slicer.mrmlScene)

    # Showing

    def update(self):
        self._chooseByItself()
        self.table.show(self.chosen)
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


def workOn(browser):
    """Goes on with the clip of a browser in EchoApexSegment."""
    slicer.util.selectModule("EchoApexSegment")
    segment = slicer.util.getModuleWidget("EchoApexSegment")
    segment.ui.cineSelector.setCurrentNode(browser)
    segment.offerStudy()
