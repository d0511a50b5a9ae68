"""EchoApex: opens an examination of the heart, has it analyzed, and shows where each of its numbers comes from."""

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

TICK_MS, IDLE_TICK_MS = 30, 200
"""How often processes are looked at: while any runs, and while none does (own choice)."""


class EchoApex(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("EchoApex")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        self.parent.dependencies = ["Markups", "Plots", "Segmentations", "Sequences", "Tables", "Texts"]
        self.parent.contributors = ["EchoApex for 3D Slicer contributors"]
        self.parent.helpText = _(
            "Open an examination, have it analyzed, read its numbers, and click a number to see the frame that it "
            "comes from, with what was outlined there. Outlines are corrected in EchoApex Segment. "
            "Not a medical device."
        )
        self.parent.acknowledgementText = _(
            "An independent, open implementation of what is described in arXiv 2410.11092. The model that comes with "
            "it was trained on simulated hearts."
        )
        slicer.app.connect("startupCompleted()", self.onStartupCompleted)

    def onStartupCompleted(self):
        """Slicer is up: what EchoApex adds to it outside of its own panels."""
        from EchoApexPanelLib.sampleData import registerSampleData
        from EchoApexPanelLib.settingsPage import addSettingsPage

        registerSampleData(self.resourcePath)
        self.settingsPage = addSettingsPage()


@parameterNodeWrapper
class EchoApexParameterNode:
    """What a saved scene keeps of the panel: where its report lies."""

    reportFolder: str = ""


class EchoApexWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: reads widgets, calls the controller of the study, shows what comes of it."""

    def __init__(self, parent=None):
        self.logic = self.study = self.ui = self.uiWidget = self.timer = None
        self.parts, self.keys, self.drops = [], None, None
        self.examination = self.scale = self.analysis = self.results = self.trace = None
        self._parameterNode = self._browser = self.messages = None
        self._entered, self._outdated, self._imported = False, True, False
        VTKObservationMixin.__init__(self)
        # Last: without a parent it sets the panel up at once.
        ScriptedLoadableModuleWidget.__init__(self, parent)

    # Life of the panel

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from EchoApexPanelLib.fileDrops import FileDrops
        from EchoApexPanelLib.panelMessages import PanelMessages
        from EchoApexPanelLib.studySections import makeSections

        self.uiWidget = slicer.util.loadUI(self.resourcePath("UI/EchoApex.ui"))
        self.layout.addWidget(self.uiWidget)
        self.ui = slicer.util.childWidgetVariables(self.uiWidget)
        self.messages = PanelMessages(self.ui.messageLabel, self.outdate)
        self.uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = EchoApexLogic()
        self.study = self.logic.studyController(self.outdate, self.say)
        self.parts = makeSections(self)
        self.examination, self.scale, self.analysis, self.trace, self.results, *_others = self.parts
        self.drops = FileDrops(self.uiWidget, self.openPaths)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        # No parent: it must not outlive this object.
        self.timer = qt.QTimer()
        self.timer.setInterval(TICK_MS)
        self.timer.connect("timeout()", self.onTick)
        self.initializeParameterNode()
        # A reloaded panel is shown already, and not every Slicer says so again.
        if getattr(self.parent, "isEntered", False):
            self.enter()

    def enter(self):
        """The module is shown: its keys work from now on."""
        from EchoApexPanelLib.studySections import takeKeys

        if self._entered:
            return
        self._entered = True
        self.keys = takeKeys(self)
        self.trace.enter()
        self.timer.start()
        self._goOn()
        self.study.comeBack()
        self.outdate()

    def exit(self):
        """Another module is shown; what runs goes on, and is watched on."""
        if not self._entered:
            return
        self._entered = False
        self.study.leave()
        self.scale.close()
        self.trace.exit()
        if self.keys is not None:
            self.keys.close()
            self.keys = None

    def cleanup(self):
        """The panel goes: nothing of it may go on, and nothing in it may hear of the scene."""
        self.exit()
        self.removeObservers()
        if self.timer is not None:
            self.timer.stop()
        if self.study is not None:
            self.study.close()
        self._parameterNode = self._browser = self.timer = None
        # Slicer only hides the widgets of a panel that is reloaded.
        if self.uiWidget:
            self.drops.close()
            self.uiWidget.setMRMLScene(None)
            self.uiWidget.deleteLater()

    # Scene

    def initializeParameterNode(self):
        self._parameterNode = self.logic.getParameterNode()

    def onSceneStartClose(self, caller, event):
        self._parameterNode = None
        self.follow(None)
        self.scale.close()
        self.trace.sceneClosed()
        self.study.sceneClosed()

    def onSceneEndClose(self, caller, event):
        self.say("")
        self.initializeParameterNode()
        self.outdate()

    def onSceneEndImport(self, caller, event):
        """A scene was read: its report is opened again as soon as the module is shown."""
        self._imported = True

    def _goOn(self):
        """Opens the report that the scene names, without touching what it shows."""
        if self._imported:
            self.attempt(self.study.sceneRead)
        self._imported = False
        self.initializeParameterNode()
        folder = self._parameterNode.reportFolder
        if folder and (self.study.report is None or str(self.study.report.folder) != folder):
            self.attempt(lambda: self.study.openReport(folder, showing=False))

    def follow(self, browser):
        """From now on the frame that this browser shows is marked in the chart of its clip."""
        if browser is not self._browser:
            self.removeObservers(self.onBrowserModified)
            self._browser = browser
            if browser is not None:
                self.addObserver(browser, vtk.vtkCommand.ModifiedEvent, self.onBrowserModified)

    def onBrowserModified(self, caller, event):
        if not self.trace.frameStepped():
            # At the next tick: nodes may not be added in the middle of an event.
            self.outdate()

    # Opening

    def openPaths(self, paths):
        """Lists the clips among files and folders, as the buttons do after the dialog."""
        self.attempt(lambda: self.study.open(paths))

    def openFile(self, path):
        """As `openPaths` with one file; whether it is being listed."""
        self.openPaths([path])
        return self.study.listing

    # Showing

    def attempt(self, action):
        """Does ``action`` and gives its result; what is refused is said in the panel, and None comes back."""
        return self.messages.attempt(action)

    def attemptQuietly(self, action):
        """As `attempt`, but what is shown stays as it is."""
        return self.messages.attemptQuietly(action)

    def say(self, sentence):
        """Says a sentence at the top of the panel."""
        self.messages.say(sentence)

    def outdate(self):
        """Everything is shown anew at the next tick, which comes soon."""
        self._outdated = True
        self._setPace(True)

    def onTick(self):
        if self._imported and self._entered and not slicer.mrmlScene.IsBatchProcessing():
            self._goOn()
        # Another module may be at work in the view.
        self.study.tick(self._entered)
        self.analysis.followSettings()
        working = self._outdated or self.study.busy
        if self._outdated:
            self._outdated = False
            for part in self.parts:
                part.update()
            self._keepReport()
        self._setPace(working)
        if not (self._entered or self.study.busy):
            self.timer.stop()

    def _setPace(self, working):
        """Ticks often while something is under way; at rest a panel must not keep Slicer from it."""
        interval = TICK_MS if working else IDLE_TICK_MS
        if self.timer is not None and self.timer.interval != interval:
            self.timer.setInterval(interval)

    def _keepReport(self):
        """The scene knows its report when it is saved."""
        report = self.study.report
        folder = "" if report is None else str(report.folder)
        if self._parameterNode is not None and folder and self._parameterNode.reportFolder != folder:
            self._parameterNode.reportFolder = folder


class EchoApexLogic(ScriptedLoadableModuleLogic):
    """The module without its panel."""

    def getParameterNode(self):
        return EchoApexParameterNode(ScriptedLoadableModuleLogic.getParameterNode(self))

    def studyController(self, changed, said):
        """The work on an examination in Slicer's scene; ``changed`` and ``said`` are as for `StudyController`."""
        from EchoApexLib.study.studyController import StudyController
        from EchoApexLib.userSettings import UserSettings

        return StudyController(slicer.mrmlScene, changed, said, settings=UserSettings.read)

    def traceController(self, changed, said, arranged, bring):
        """The trace of the ejection fraction; what is given is as for `TraceController`."""
        from EchoApexLib.trace.traceController import TraceController

        return TraceController(slicer.mrmlScene, changed, said, arranged, bring)


class EchoApexTest(ScriptedLoadableModuleTest):
    """Run by Slicer's own Reload and Test; the whole list of checks is in Testing/Slicer."""

    def setUp(self):
        slicer.mrmlScene.Clear(0)

    def runTest(self):
        self.setUp()
        self.test_panelIsThere()

    def test_panelIsThere(self):
        """The panel is made, and has no report open."""
        panel = slicer.util.getModuleWidget("EchoApex")
        self.assertIsNone(panel.study.report)
        self.delayDisplay("Test passed")
