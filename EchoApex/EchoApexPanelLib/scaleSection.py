"""Section "Scale by hand": two points of the depth ruler and how far they are apart."""

import slicer
from slicer.i18n import tr as _

from .clipTexts import spacingText

UNSET = -1.0
"""Value of a box whose point is not set."""


class ScaleSection:
    """Gives the chosen clip, or all clips of its depth, a scale by hand, and takes it back."""

    def __init__(self, panel, examination):
        self.panel, self.ui, self.study, self.examination = panel, panel.ui, panel.study, examination
        self.ruler, self._file = None, None
        ui = self.ui
        self.boxes = (ui.firstXBox, ui.firstYBox, ui.secondXBox, ui.secondYBox)
        for unit in ("mm", "cm"):
            ui.distanceUnitBox.addItem(unit, unit)
        ui.scaleForBox.addItem(_("this clip"), False)
        ui.rulerButton.connect("clicked()", self.onRuler)
        for box in self.boxes:
            box.connect("valueChanged(double)", lambda value: self.onTyped())
        ui.calibrateButton.connect("clicked()", self.onCalibrate)
        ui.ownScaleButton.connect("clicked()", self.onOwnScale)
        ui.undoScaleButton.connect("clicked()", lambda: panel.attempt(self.study.undoCalibration))

    def _points(self):
        """What the boxes say of the points, as far as both numbers of one are set."""
        values = [box.value for box in self.boxes]
        pairs = (tuple(values[:2]), tuple(values[2:]))
        return [pair for pair in pairs if min(pair) > UNSET]

    # What the user does

    def onRuler(self):
        """The next two clicks in the picture of the chosen clip are the points."""
        if self.ruler is not None and self.ruler.placing:
            self.ruler.stop()
            self.panel.outdate()
            return
        self._withClip(self._place)

    def _place(self, browser):
        self.ui.scaleSection.collapsed = False
        self._rulerIn().place(browser)
        self._fill([])
        self.panel.say(_("Click two marks of the depth ruler."))
        self.panel.outdate()

    def onTyped(self):
        """Points are where the boxes say."""
        from EchoApexLib.sliceView.redSliceSetup import shownBrowser

        self._rulerIn().set(shownBrowser(slicer.mrmlScene), self._points())
        self.panel.outdate()

    def onCalibrate(self):
        """The scale counts from now on."""
        self._withClip(lambda browser: self.panel.attempt(lambda: self._calibrate(browser)))

    def _calibrate(self, browser):
        from EchoApexLib.study.clipScales import calibrationBy

        ui, file = self.ui, self.examination.chosen
        calibration = calibrationBy(self._points(), ui.distanceBox.value, ui.distanceUnitBox.currentData)
        files = self.study.list.likeDepthOf(file) if ui.scaleForBox.currentData else (file,)
        self.study.calibrate(files, calibration, browser)
        self._fill([])
        self._rulerIn().clear()

    def onOwnScale(self):
        """The scale of its file counts again."""
        self._withClip(
            lambda browser: self.panel.attempt(lambda: self.study.calibrate([self.examination.chosen], None, browser))
        )

    def _withClip(self, then):
        """Shows the chosen clip, if it is not shown yet, and goes on with its browser."""
        clip = self.examination.clip
        if clip is not None:
            self.panel.attempt(lambda: self.study.showFile(clip, then))

    # Showing

    def _rulerIn(self):
        from EchoApexLib.sliceView.rulerPoints import RulerPoints

        if self.ruler is None:
            self.ruler = RulerPoints(slicer.mrmlScene, self.panel.outdate, self.panel.say)
        return self.ruler

    def _fill(self, points):
        values = [value for point in points for value in point]
        for box, value in zip(self.boxes, [*values, *[UNSET] * (4 - len(values))]):
            wasBlocked = box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(wasBlocked)

    def update(self):
        clip, ui = self.examination.clip, self.ui
        file = None if clip is None else clip.file
        if file != self._file:
            self._file = file
            self._fill([])
            if self.ruler is not None:
                self.ruler.clear()
        if self.ruler is not None:
            if self.ruler.points and self.ruler.points != self._points():
                self._fill(self.ruler.points)
            self.ruler.draw()
        usable = clip is not None and not clip.refusal
        for widget in (ui.rulerButton, *self.boxes, ui.distanceBox, ui.distanceUnitBox, ui.scaleForBox):
            widget.enabled = usable
        ui.rulerButton.checked = self.ruler is not None and self.ruler.placing
        ui.calibrateButton.enabled = usable
        ui.ownScaleButton.enabled = usable and clip.calibration is not None
        ui.undoScaleButton.enabled = self.study.list.calibrations.canUndo
        self._showAlike(clip if usable else None)
        ui.scaleLabel.text = scaleText(clip)

    def _showAlike(self, clip):
        """How many clips there are of this depth, where there are more."""
        box = self.ui.scaleForBox
        count = 1 if clip is None else len(self.study.list.likeDepthOf(clip.file))
        text = _("{count} clips of this depth").format(count=count)
        if count > 1:
            if box.count == 1:
                box.addItem(text, True)
            box.setItemText(1, text)
        elif box.count > 1:
            box.removeItem(1)

    def close(self):
        """Takes points and clicks from the view."""
        if self.ruler is not None:
            self.ruler.clear()
            self.ruler.draw()


def scaleText(clip):
    """What the scale of a clip is, and how it came about."""
    if clip is None:
        return ""
    spacing = spacingText(clip)
    if clip.calibration is not None:
        text = _("By hand: {mm:g} mm between the two points, {spacing} mm per pixel.")
        return text.format(mm=clip.calibration.mm, spacing=spacing)
    if spacing:
        return _("Of the file: {spacing} mm per pixel.").format(spacing=spacing)
    return _("None, so no millimeters: {reason}.").format(reason=clip.scaleReason or _("the file says nothing of it"))
