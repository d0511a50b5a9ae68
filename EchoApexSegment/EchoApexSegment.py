"""EchoApexSegment: outlines the heart in ultrasound cines from clicks, boxes and names, and follows it over time."""

import qt
import slicer
import vtk
from slicer import vtkMRMLSequenceBrowserNode
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

TICK_MS, IDLE_TICK_MS = 15, 100
"""How often answers of the inference process are looked for: while any is awaited, and while none is (own choice)."""

TICKS_TO_IDLE = 20
"""How many ticks without anything to do come before the panel idles (own choice)."""

EXTENSIONS = (
    "*.dcm *.avi *.mp4 *.m4v *.mov *.gif *.mkv *.webm *.wmv *.mpg *.vob *.ts *.3gp *.flv "
    "*.nii *.nii.gz *.mhd *.mha *.nrrd"
)


class EchoApexSegment(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        from EchoApexSegmentLib.libraryPaths import addLibraries

        ScriptedLoadableModule.__init__(self, parent)
        addLibraries()
        self.parent.title = _("EchoApex Segment")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Cardiac")]
        needed = ["Markups", "Plots", "SegmentEditor", "Segmentations", "Sequences", "Tables", "Texts"]
        self.parent.dependencies = needed
        self.parent.contributors = ["EchoApex for 3D Slicer contributors"]
        self.parent.helpText = _(
            "Open an ultrasound cine of the heart, choose a structure, and click it, drag a box around it, or name it. "
            "Its outline is carried through the beat; correct it where it is wrong, accept it where it is right, and "
            "read volumes, ejection fraction and wall thickness, each with the frames it comes from. "
            "Not a medical device."
        )
        self.parent.acknowledgementText = _(
            "An independent, open implementation of what is described in arXiv 2410.11092. The model that comes with "
            "it was trained on simulated hearts."
        )


@parameterNodeWrapper
class EchoApexSegmentParameterNode:
    """What a saved scene keeps of the panel; everything else is in the nodes of the cine."""

    browser: vtkMRMLSequenceBrowserNode
    structure: str = "LV"


class EchoApexSegmentWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: reads widgets, calls the controller of the scene, shows what comes of it."""

    def __init__(self, parent=None):
        self.logic = self.bench = self.ui = self.uiWidget = self.timer = None
        self.parts, self.editing, self.messages = [], None, None
        self.keys = self.viewInput = self.toolBar = None
        self._parameterNode, self._guiTag = None, None
        self._browser, self._entered, self._outdated, self._imported = None, False, True, False
        self._idleTicks = 0
        VTKObservationMixin.__init__(self)
        # Last: without a parent it sets the panel up at once.
        ScriptedLoadableModuleWidget.__init__(self, parent)

    # Life of the panel

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from EchoApexSegmentLib.panelSections import makeSections

        from EchoApexPanelLib.panelMessages import PanelMessages

        self.uiWidget = slicer.util.loadUI(self.resourcePath("UI/EchoApexSegment.ui"))
        self.layout.addWidget(self.uiWidget)
        self.ui = slicer.util.childWidgetVariables(self.uiWidget)
        self.messages = PanelMessages(self.ui.messageLabel, self.outdate)
        self.uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = EchoApexSegmentLogic()
        self.bench = self.logic.sceneController(self.outdate, self.say)
        self.parts, self.editing = makeSections(self)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.ui.openButton.connect("clicked()", self.onOpen)
        self.ui.cineSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onBrowserChosen)
        # No parent: it must not outlive this object.
        self.timer = qt.QTimer()
        self.timer.setInterval(TICK_MS)
        self.timer.connect("timeout()", self.onTick)
        self.initializeParameterNode()
        # A reloaded panel is shown already, and not every Slicer says so again.
        if getattr(self.parent, "isEntered", False):
            self.enter()

    def enter(self):
        """The module is shown: its keys and its view input work from now on, and its cine is gone on with."""
        from EchoApexSegmentLib.panelSections import takeInput

        if self._entered:
            return
        self._entered = True
        self.keys, self.viewInput, self.toolBar = takeInput(self)
        self.setTool("none")
        self.setTakesAway(self.ui.polarityButton.checked)
        # First: a scene that cannot be gone on with must not leave the panel dead.
        self.timer.start()
        self._goOn()
        self.outdate()

    def exit(self):
        """Another module is shown; what was asked goes on as soon as this one is shown again."""
        if not self._entered:
            return
        self._entered = False
        self.timer.stop()
        for part in (self.keys, self.viewInput, self.toolBar):
            if part is not None:
                part.close()
        self.keys = self.viewInput = self.toolBar = None
        self.editing.leave()
        if self.bench.clip is not None:
            self.bench.clip.walls.stopPlacing()
            self.bench.clip.walls.tidy()

    def cleanup(self):
        """The panel goes: nothing of it may go on, and nothing in it may hear of the scene."""
        self.exit()
        self.removeObservers()
        self.setParameterNode(None)
        if self.bench is not None:
            self.bench.close()
        if self.editing is not None:
            self.editing.close()
        self._browser = self.timer = None
        # Slicer only hides the widgets of a panel that is reloaded: they would go on choosing cines.
        if self.uiWidget:
            self.uiWidget.setMRMLScene(None)
            self.uiWidget.deleteLater()

    # Scene

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, node):
        """Binds the widgets of the ``.ui`` file that name one of its fields to the parameter node."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
        self._parameterNode = node
        if node is not None:
            self._guiTag = node.connectGui(self.uiWidget)

    def onSceneStartClose(self, caller, event):
        self._browser = None
        self.setParameterNode(None)
        self.editing.release()
        self.bench.close()

    def onSceneEndClose(self, caller, event):
        self.say("")
        self.initializeParameterNode()
        self.outdate()

    def onSceneEndImport(self, caller, event):
        """A scene was read: go on with the cine that was worked on when it was saved, as soon as it can be chosen."""
        self._imported = True

    def _goOn(self):
        """Turns to the cine that the scene says is worked on; to the one that is seen where a scene was read."""
        from EchoApexLib.sliceView.redSliceSetup import shownBrowser

        imported, self._imported = self._imported, False
        self.setParameterNode(self.logic.getParameterNode())
        if imported or self._parameterNode.browser is None:
            shown = shownBrowser(slicer.mrmlScene)
            self._parameterNode.browser = self._parameterNode.browser if shown is None else shown
        self.onBrowserChosen(self._parameterNode.browser)

    # Opening

    def onOpen(self):
        # It starts while a file is being chosen.
        self.attempt(self.bench.prepareOpening)
        path = qt.QFileDialog.getOpenFileName(
            self.uiWidget, _("Open a cine"), "", _("Cines ({extensions});;All files (*)").format(extensions=EXTENSIONS)
        )
        if path:
            self.openFile(path)

    def openFile(self, path):
        """Opens a cine from a file, as the button does after the dialog; whether it is on its way into the scene."""
        return bool(self.attempt(lambda: self.bench.openFile(path, self.onOpened) or True))

    def onOpened(self, browser):
        """A cine that was opened has come into the scene: it is turned to."""
        self.attempt(lambda: self.turnTo(browser))
        self.ui.cineSelector.setCurrentNode(browser)

    def onBrowserChosen(self, browser):
        """Turns to a cine; in another module, and before all of a scene is read, that has to wait."""
        clip = self.bench.clip
        known = clip is not None and not clip.closed and clip.browser is browser and browser is self._browser
        if browser is None and clip is not None and not clip.closed and self._entered:
            # What is worked on stays in sight.
            self.ui.cineSelector.setCurrentNode(clip.browser)
        if known and self.toolBar is not None:
            # Another one may have been chosen there meanwhile.
            self.toolBar.show(browser)
        if browser is None or known or not self._entered or slicer.mrmlScene.IsImporting():
            return
        self.attempt(lambda: self.turnTo(browser))
        clip = self.bench.clip
        if clip is not None and clip.browser is not browser:
            # It is no cine: the one that is worked on stays.
            self.ui.cineSelector.setCurrentNode(clip.browser)

    def turnTo(self, browser):
        """A cine is looked at, too, where the model cannot be started."""
        self.editing.leave()
        try:
            self.bench.openBrowser(browser)
        finally:
            if self.bench.clip is not None and self.bench.clip.browser is browser:
                self._follow(browser)

    def _follow(self, browser):
        self._browser = browser
        self.removeObservers(self.onBrowserModified)
        self.addObserver(browser, vtk.vtkCommand.ModifiedEvent, self.onBrowserModified)
        self.bench.current.choose(self._parameterNode.structure)
        self.editing.follow()
        if self.viewInput is not None:
            self.viewInput.fit()
            self.toolBar.show(browser)

    def onBrowserModified(self, caller, event):
        self.bench.frameChanged()

    def chooseStructure(self, structure):
        """The structure that prompts are for."""
        if self.attempt(lambda: self.bench.current.choose(structure) or True):
            self._rememberStructure()

    def nameStructure(self, words, understood):
        """Looks for what is named; ``understood`` is called once it is known what that is."""

        def taken():
            self._rememberStructure()
            understood()

        self.attempt(lambda: self.bench.current.text(words, taken))

    def _rememberStructure(self):
        """The next cine, and the scene when it is opened again, begin with the structure that was chosen last."""
        if self.bench.clip is not None:
            self._parameterNode.structure = self.bench.clip.structure
            self.editing.follow()

    def offerStudy(self):
        """Whoever came from a study can go back to it."""
        self.ui.studyButton.visible = self.ui.studyButton.enabled = True

    # Tools and steps, by mouse and by key

    def setTool(self, tool):
        """What the left button does in the view: ``point``, ``box`` or ``none``."""
        for button, name in ((self.ui.pointButton, "point"), (self.ui.boxButton, "box")):
            wasBlocked = button.blockSignals(True)
            button.checked = name == tool
            button.blockSignals(wasBlocked)
        if tool != "none":
            self.editing.stopDrawing()
            if self.bench.clip is not None:
                self.bench.clip.walls.stopPlacing()
        if self.viewInput is not None:
            self.viewInput.setTool(tool)

    def setTakesAway(self, takesAway):
        if self.viewInput is not None:
            self.viewInput.setAdds(not takesAway)

    def step(self, frames):
        """Goes that many frames on, or back."""
        if self.bench.clip is not None:
            self.attempt(lambda: self.bench.clip.show(self.bench.clip.frame + frames))

    def stepClip(self, clips):
        """Goes to the next cine of the scene, or to the one before."""
        browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
        if self.bench.clip is not None and len(browsers) > 1:
            place = [one.GetID() for one in browsers].index(self.bench.clip.browser.GetID())
            self.ui.cineSelector.setCurrentNode(browsers[(place + clips) % len(browsers)])

    # Showing

    def attempt(self, action):
        """Does ``action`` and gives its result; what is refused is said in the panel, and None comes back."""
        return self.messages.attempt(action)

    def say(self, sentence):
        """Says a sentence at the top of the panel."""
        self.messages.say(sentence)

    def outdate(self):
        """Everything is shown anew at the next tick, which comes soon."""
        self._outdated = True
        self._setPace(True)

    def onTick(self):
        if self._imported and not slicer.mrmlScene.IsBatchProcessing():
            self._goOn()
        if self.toolBar is not None:
            self.toolBar.tick()
        self.bench.tick()
        if self.bench.clip is None and self._browser is not None:
            # Something of it was removed: it can be chosen again.
            self._browser = None
            self.ui.cineSelector.setCurrentNode(None)
        process = self.bench.process
        busy = self.bench.opening is not None or (process is not None and process.busy)
        self._setPace(self._outdated or busy)
        if self._outdated:
            self._outdated = False
            for part in self.parts:
                part.update()

    def _setPace(self, working):
        """Ticks often while something is under way; at rest a panel must not keep Slicer from it."""
        self._idleTicks = 0 if working else self._idleTicks + 1
        interval = IDLE_TICK_MS if self._idleTicks > TICKS_TO_IDLE else TICK_MS
        if self.timer is not None and self.timer.interval != interval:
            self.timer.setInterval(interval)


class EchoApexSegmentLogic(ScriptedLoadableModuleLogic):
    """The module without its panel."""

    def getParameterNode(self):
        return EchoApexSegmentParameterNode(ScriptedLoadableModuleLogic.getParameterNode(self))

    def sceneController(self, changed, said):
        """The work on the cines of Slicer's scene; ``changed`` and ``said`` are as for `SceneController`."""
        from EchoApexLib.session.sceneController import SceneController
        from EchoApexLib.userSettings import UserSettings

        return SceneController(slicer.mrmlScene, changed, said, settings=UserSettings.read)


class EchoApexSegmentTest(ScriptedLoadableModuleTest):
    """Run by Slicer's own Reload and Test; the whole list of checks is in Testing/Slicer."""

    def setUp(self):
        slicer.mrmlScene.Clear(0)

    def runTest(self):
        self.setUp()
        self.test_simulatedCineOpens()

    def test_simulatedCineOpens(self):
        """A cine of a simulated heart opens in the panel."""
        from EchoApexSegmentLib.selfTest import simulatedFile

        slicer.util.selectModule("EchoApexSegment")
        panel = slicer.util.getModuleWidget("EchoApexSegment")
        with simulatedFile() as (path, count):
            panel.openFile(path)
            while panel.bench.opening is not None:
                self.delayDisplay("The cine is being read", 100)
        self.assertEqual(panel.bench.current.browser.GetNumberOfItems(), count)
        self.delayDisplay("Test passed")
