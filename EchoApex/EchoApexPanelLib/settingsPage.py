"""The page of EchoApex in the settings of Slicer."""

import ctk
import qt
import slicer
from slicer.i18n import tr as _


def addSettingsPage():
    """Adds the page, where Slicer has a window; gives it, since somebody has to hold it."""
    if slicer.util.mainWindow() is None:
        return None
    panel = ctk.ctkSettingsPanel()
    page = SettingsPage(panel)
    slicer.app.settingsDialog().addPanel("EchoApex", panel)
    return page


class SettingsPage:
    """Fills ``parent``; what is changed counts at once, what cannot be is said and not kept."""

    def __init__(self, parent):
        self.parent = parent
        self.modelBox, self.deviceBox = qt.QComboBox(), qt.QComboBox()
        self.raterEdit, self.cacheBox = qt.QLineEdit(), qt.QDoubleSpinBox()
        self.folderEdit, self.messageLabel = ctk.ctkPathLineEdit(), qt.QLabel()
        self._layOut()
        self._fill()
        self.modelBox.connect("activated(int)", lambda index: self._keepModel())
        self.deviceBox.connect("activated(int)", lambda index: self._keepDevice())
        self.raterEdit.connect("editingFinished()", self._keepRater)
        self.cacheBox.connect("valueChanged(double)", lambda value: self._keepCache())
        self.folderEdit.connect("currentPathChanged(QString)", lambda path: self._keepFolder())

    def _layOut(self):
        form = qt.QFormLayout(self.parent)
        rows = (
            (_("Model"), self.modelBox, _("What outlines and measures; models of your own are imported before")),
            (_("Device"), self.deviceBox, _("Where the model computes; auto takes a graphics card where one works")),
            (_("Rater"), self.raterEdit, _("Your code, which stands beside what you correct; never a patient's name")),
            (_("Cache"), self.cacheBox, _("How much disk encoded frames may take")),
            (_("Reports in"), self.folderEdit, _("Each study gets a folder of its own in here")),
        )
        for title, widget, tip in rows:
            widget.toolTip = tip
            form.addRow(title, widget)
        self.cacheBox.setDecimals(1)
        self.cacheBox.setSuffix(" GiB")
        self.cacheBox.setSingleStep(0.5)
        self.messageLabel.wordWrap = True
        form.addRow(self.messageLabel)

    def _fill(self):
        """Shows what is set; what is set and cannot be is said."""
        from echoapex.errors import EchoApexError
        from echoapex.inference.feature_cache import LEAST_GIB, MOST_BYTES, MOST_GIB
        from echoapex.models.device import DEVICES
        from echoapex.models.installed_models import list_models
        from EchoApexLib.userSettings import REPORT_FOLDER, UserSettings

        found = UserSettings.read()
        self.modelBox.addItem(_("the default"), "")
        for entry in list_models():
            self.modelBox.addItem(entry.id, entry.id)
        for device in DEVICES:
            self.deviceBox.addItem(device, device)
        for box, value in ((self.modelBox, found.model), (self.deviceBox, found.device)):
            if box.findData(value) < 0:
                # It stays until another one is chosen.
                box.addItem(value, value)
            box.setCurrentIndex(box.findData(value))
        self.raterEdit.text = found.rater
        self.cacheBox.setRange(LEAST_GIB, MOST_GIB)
        self.cacheBox.setValue(_number(found.cacheGib, MOST_BYTES / 2**30))
        self.folderEdit.currentPath = slicer.util.settingsValue(REPORT_FOLDER, "")
        try:
            found.check()
        except EchoApexError as refusal:
            self.messageLabel.text = str(refusal)

    def _keepModel(self):
        from EchoApexLib.userSettings import MODEL, UserSettings

        self._keep(MODEL, self.modelBox.currentData, lambda value: UserSettings(model=value).check())

    def _keepDevice(self):
        from EchoApexLib.userSettings import DEVICE, UserSettings

        self._keep(DEVICE, self.deviceBox.currentData, lambda value: UserSettings(device=value).check())

    def _keepRater(self):
        from EchoApexLib.userSettings import RATER, UserSettings

        self._keep(RATER, self.raterEdit.text.strip(), lambda value: UserSettings(rater=value).check())

    def _keepCache(self):
        from EchoApexLib.userSettings import CACHE_SIZE, UserSettings

        self._keep(CACHE_SIZE, f"{self.cacheBox.value:g}", lambda value: UserSettings(cacheGib=value).check())

    def _keepFolder(self):
        from EchoApexLib.userSettings import REPORT_FOLDER, checkReportFolder

        self._keep(REPORT_FOLDER, self.folderEdit.currentPath.strip(), checkReportFolder)

    def _keep(self, key, value, check):
        """Keeps a setting that can be, and says why another one cannot."""
        from echoapex.errors import EchoApexError

        try:
            check(value)
        except EchoApexError as refusal:
            self.messageLabel.text = str(refusal)
            return
        self.messageLabel.text = ""
        qt.QSettings().setValue(key, value)


def _number(text, otherwise):
    try:
        return float(text)
    except ValueError:
        return otherwise
