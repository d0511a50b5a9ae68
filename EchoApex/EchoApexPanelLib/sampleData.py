"""Sample data of EchoApex in Slicer's module Sample Data: made on the spot or brought along, never downloaded."""

from pathlib import Path

import slicer
from slicer.i18n import tr as _

CATEGORY = "EchoApex"
SIMULATED, REAL = "EchoApexSimulatedStudy", "EchoApexRealCine"
"""Names of the samples, and of their thumbnails."""


def registerSampleData(resourcePath):
    """Lists the samples, where Slicer has that module; ``resourcePath`` gives paths below Resources."""
    if not hasattr(slicer.modules, "sampledata"):
        return
    import SampleData

    for name, load in ((SIMULATED, loadSimulatedStudy), (REAL, loadRealCine)):
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            thumbnailFileName=resourcePath(f"Icons/{name}.png"),
            customDownloader=load,
        )


def loadSimulatedStudy(source=None):
    """Lists a study of a simulated heart in EchoApex as soon as it is made."""
    panel = _shownPanel()
    folder = Path(slicer.app.temporaryPath) / "EchoApex simulated study"
    panel.attempt(lambda: panel.study.openSimulated(folder))
    panel.say(_("A study of a simulated heart is being made..."))


def loadRealCine(source=None):
    """Lists the real cine in EchoApex."""
    from EchoApexLib.study.sampleStudy import realCine

    panel = _shownPanel()
    panel.attempt(lambda: panel.study.open([realCine()]))


def _shownPanel():
    slicer.util.selectModule("EchoApex")
    return slicer.util.getModuleWidget("EchoApex")
