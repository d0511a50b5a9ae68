"""Shows the cine in the view in color in place of gray, in either panel; what is outlined is so in gray."""

import slicer
from slicer.i18n import tr as _


class ColorToggle:
    """The button "Color" of ``panel``."""

    def __init__(self, panel):
        self.panel, self.button = panel, panel.ui.colorButton
        self.button.connect("clicked()", self.onClicked)

    def onClicked(self):
        from EchoApexLib.sliceView.redSliceSetup import setShownInColor

        setShownInColor(slicer.mrmlScene, self.button.checked)
        self.panel.outdate()

    def update(self):
        from EchoApexLib.sequences.colorSequence import whyNoColor
        from EchoApexLib.sliceView.redSliceSetup import isShownInColor, shownBrowser

        browser = shownBrowser(slicer.mrmlScene)
        reason = whyNoColor(browser)
        self.button.enabled = not reason
        self.button.checked = not reason and isShownInColor(slicer.mrmlScene, browser)
        about = _("Show the cine in color, as in its file; outlines and numbers are those of the gray frames")
        self.button.toolTip = reason or about
