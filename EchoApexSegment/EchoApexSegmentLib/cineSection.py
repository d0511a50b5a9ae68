"""Section "Cine": what is open, its scale and view, and the process that answers."""

import qt
import slicer
from slicer.i18n import tr as _

VIEWS = ("UNKNOWN", "A4C", "A2C", "A3C", "A5C", "PLAX", "PSAX_AV", "PSAX_MV", "PSAX_PM", "PSAX_APEX", "SC4C", "OTHER")


class CineSection:
    """Shows the cine that is worked on and how the model runs."""

    def __init__(self, panel):
        from echoapex.report.display_names import VIEW_NAMES

        self.panel, self.ui = panel, panel.ui
        for row, view in enumerate(VIEWS):
            self.ui.viewBox.addItem(_("not set") if view == "UNKNOWN" else view, view)
            self.ui.viewBox.setItemData(row, VIEW_NAMES[view], qt.Qt.ToolTipRole)
        self.ui.viewBox.connect("activated(int)", self.onView)
        self.ui.studyButton.connect("clicked()", lambda: slicer.util.selectModule("EchoApex"))
        self.ui.studyButton.visible = self.ui.studyButton.enabled = False
        self.ui.startButton.connect("clicked()", self.onStart)
        self.ui.clearCacheButton.connect("clicked()", self.onClearCache)

    def onView(self, index):
        self.panel.attempt(lambda: self.panel.bench.current.setView(self.ui.viewBox.itemData(index)))

    def onStart(self):
        """Installs what is missing, with consent, and starts the process, as the settings are by now."""
        from EchoApexLib.pythonDependencies import installModelLibraries

        def start():
            if self.panel.bench.missing:
                installModelLibraries()
            browser = self.panel.bench.begin()
            if browser is not None:
                self.panel.turnTo(browser)

        self.panel.attempt(start)

    def onClearCache(self):
        from echoapex.inference.feature_cache import FeatureCache

        cache = FeatureCache()
        cache.clear()
        self.panel.say(cache.problem or _("Encoded frames on disk were removed."))
        self.panel.outdate()

    def update(self):
        clip = self.panel.bench.clip
        self._showCine(clip, self.panel.bench.opening)
        self.ui.scaleLabel.text = "" if clip is None else scaleText(clip.cine)
        self.ui.viewBox.enabled = clip is not None
        if clip is not None:
            doubtful = clip.viewInDoubt and clip.view == "UNKNOWN"
            self.ui.viewTitle.text = _("View (in doubt)") if doubtful else _("View")
            self.ui.viewTitle.toolTip = _("The model does not tell which view this is: choose it") if doubtful else ""
            self.ui.viewBox.setCurrentIndex(VIEWS.index(clip.view) if clip.view in VIEWS else 0)
        self._showProcess(clip)

    def _showCine(self, clip, opening):
        """What is open; while another one is on its way, how far that is."""
        from EchoApexPanelLib.clipTexts import openingText

        if opening is not None:
            self.ui.cineLabel.text = openingText(opening)
        else:
            self.ui.cineLabel.text = _("No cine is open.") if clip is None else describe(clip.cine)

    def _showProcess(self, clip):
        bench = self.panel.bench
        process, missing = bench.process, () if bench.process is not None else bench.missing
        self.ui.startButton.visible = bool(missing) or bench.stopped or bench.settingsChanged
        self.ui.startButton.text = _("Install...") if missing else _("Start again")
        self.ui.deviceLabel.text = deviceText(bench, missing)
        self.ui.deviceLabel.toolTip = "" if process is None else f"{process.told.reason}\n{bench.card.limits}"
        self.ui.cacheLabel.text, self.ui.cacheLabel.toolTip = cacheTexts(process, clip)


def describe(cine):
    """Frames, rate and size of a cine in a line."""
    rate = cine.times.frame_rate
    timed = _("frame times unknown") if rate is None else _("{rate:.1f} frames/s").format(rate=rate)
    simulated = _(", simulated") if cine.simulated else ""
    text = _("{count} frames of {columns} x {rows}, {timed}{simulated}")
    return text.format(count=cine.frame_count, columns=cine.columns, rows=cine.rows, timed=timed, simulated=simulated)


def scaleText(cine):
    """Where millimeters come from, or why there are none."""
    if not cine.scale.known:
        return _("No scale, so no millimeters: {reason}.").format(reason=cine.scale.reason)
    y, x = cine.scale.mm_per_px
    both = f"{x:.3f}" if abs(x - y) < 1e-4 else f"{x:.3f} x {y:.3f}"
    return _("{both} mm per pixel ({source})").format(both=both, source=sourceText(cine.scale.source))


def sourceText(source):
    """Where a scale comes from, in words."""
    from echoapex.cine import ScaleSource

    words = {
        ScaleSource.DICOM_REGION: _("DICOM region"),
        ScaleSource.PIXEL_SPACING: _("pixel spacing"),
        ScaleSource.USER: _("by hand"),
    }
    return words.get(source) or str(source).replace("_", " ")


def deviceText(bench, missing):
    """Model and processor, or what has to be done before there are any."""
    from echoapex.serving import ProcessState

    process = bench.process
    if missing:
        return _("The model needs libraries that are not installed: {names}.").format(names=", ".join(missing))
    if bench.settingsChanged:
        return _("The settings were changed, and count once the model is started again.")
    if process is None:
        return _("The model does not run.") if bench.stopped else _("The model starts with the first cine.")
    if process.state is ProcessState.BROKEN:
        return _("The inference process does not run.")
    if process.state is not ProcessState.READY:
        return _("The model is being loaded...")
    told = process.told
    text = _("{model}, a demonstration, on {device}") if bench.card.simulated_only else _("{model} on {device}")
    return text.format(model=told.model["id"], device=told.device)


def cacheTexts(process, clip):
    """How many frames are encoded, and the tool tip with what lay on disk."""
    if process is None or clip is None or not process.told.cache:
        return "", ""
    text = _("{count} of {all} frames encoded").format(count=len(process.told.encoded), all=clip.cine.frame_count)
    kept = process.told.cache["bytes"] / 1e6
    return text, _("{kept:.0f} MB of encoded frames were on disk when the process started").format(kept=kept)
