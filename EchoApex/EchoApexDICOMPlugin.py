"""EchoApexDICOMPlugin: echo cines from Slicer's DICOM browser, with their true frame times and scale."""

import logging

import qt
import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin
from slicer.i18n import tr as _

USABLE, BARE, REFUSED = 0.8, 0.6, 0.1
"""Confidence for what has a scale or frame times, for what has neither, and for what cannot be read as a cine.

Slicer's own reader of image sequences has 0.7 for all ultrasound (DICOMImageSequencePlugin.py at 04f010f).
"""


class EchoApexDICOMPluginClass(DICOMPlugin):
    """Offers each ultrasound file of a series as a cine, by its header alone."""

    def __init__(self):
        super().__init__()
        self.loadType = _("Echo cine")

    def examineForImport(self, fileLists):
        loadables = []
        for files in fileLists:
            found = self.getCachedLoadables(files)
            if found is None:
                found = self.examineFiles(files)
                self.cacheLoadables(files, found)
            loadables += found
        return loadables

    def examineFiles(self, files):
        """The loadables of one series."""
        return [loadable for path in files if (loadable := self._examined(path)) is not None]

    def _examined(self, path):
        from pathlib import Path

        # Whatever goes wrong here must not keep Slicer's other readers from the series.
        try:
            from echoapex.errors import ReadError
            from echoapex.io.dicom_examination import examine_header

            try:
                header = examine_header(Path(path))
            except ReadError:
                return None
            return None if header is None else _loadable(path, header)
        except Exception as error:
            logging.warning("EchoApex could not examine a DICOM file: %s", type(error).__name__)
            return None

    def load(self, loadable):
        from echoapex.errors import EchoApexError
        from EchoApexLib.cine.clipOpening import openFile
        from EchoApexLib.record.recordSaving import RECORD
        from EchoApexLib.sliceView.redSliceSetup import showClip

        try:
            browser = openFile(slicer.mrmlScene, loadable.files[0]).finish(_letWindowBePainted)
        except EchoApexError as refusal:
            slicer.util.errorDisplay(str(refusal))
            return False
        browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
        ours = [one for one in browsers if one.GetNodeReference(RECORD) is not None]
        showClip(slicer.mrmlScene, ours, ours.index(browser), keepLayout=True)
        return True


def _letWindowBePainted():
    """Slicer wants the nodes at once, so this has to wait: the window is painted meanwhile, and takes no input.

    What runs in it beside, such as timers, finds a whole scene: the nodes come together at the end.
    """
    slicer.app.processEvents(qt.QEventLoop.ExcludeUserInputEvents)


def _loadable(path, header):
    loadable = DICOMLoadable()
    loadable.files = [path]
    # Neither patient nor file: the name goes into the scene.
    loadable.name = " ".join(str(part) for part in (header.view or _("Cine"), header.number) if part is not None)
    known = header.scale.known or (header.frames > 1 and header.times.known)
    loadable.confidence = REFUSED if header.refusal else USABLE if known else BARE
    loadable.selected = known and not header.refusal
    loadable.tooltip = _told(header)
    loadable.warning = header.refusal or "; ".join(header.warnings)
    return loadable


def _told(header):
    """Frames, scale and times in words, or why there are none."""
    if header.refusal:
        return _("Not read as a cine: {reason}").format(reason=header.refusal)
    frames = _("one frame") if header.frames == 1 else _("{count} frames").format(count=header.frames)
    mm = header.scale.mm_per_px
    if mm is None:
        scale = _("no scale: {reason}").format(reason=header.scale.reason)
    else:
        scale = _("{both} mm per pixel").format(both=" × ".join(dict.fromkeys(f"{one:.3g}" for one in mm)))
    if header.frames == 1:
        return f"{frames}; {scale}"
    known = header.times.known
    told = _("times from {source}") if known else _("no times: {source}")
    times = told.format(source=header.times.source if known else header.times.reason)
    return f"{frames}; {scale}; {times}"


class EchoApexDICOMPlugin:
    """The hidden module that makes Slicer find the plug-in."""

    def __init__(self, parent):
        parent.title = _("EchoApex DICOM plug-in")
        parent.categories = ["Developer Tools.DICOM Plugins"]
        parent.contributors = ["EchoApex for 3D Slicer contributors"]
        parent.helpText = _("Reads ultrasound of the heart from the DICOM browser with its frame times and scale.")
        parent.acknowledgementText = ""
        parent.hidden = True
        if not hasattr(slicer.modules, "dicomPlugins"):
            slicer.modules.dicomPlugins = {}
        slicer.modules.dicomPlugins["EchoApexDICOMPlugin"] = EchoApexDICOMPluginClass
