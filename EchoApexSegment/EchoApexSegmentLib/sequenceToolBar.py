"""Slicer's tool bar of sequences: it and the panel have one and the same cine, whichever of the two it is chosen in."""

import slicer


class SequenceToolBar:
    """Keeps the tool bar with ``panel`` until `close`."""

    def __init__(self, panel):
        self.panel = panel
        self.module = slicer.modules.sequences
        self._chosen = self._shows = None
        self.bar = self.module.toolBar()
        self.bar.connect("activeBrowserNodeChanged(vtkMRMLNode*)", self.onChosen)
        scene = slicer.mrmlScene
        panel.addObserver(scene, scene.StartImportEvent, self.onStartImport)
        panel.addObserver(scene, scene.EndImportEvent, self.onEndImport)

    def show(self, browser):
        """The cine of the panel is the one that is played; the bar is shown as after Slicer's own reading."""
        self._chosen = None
        if self.bar.activeBrowserNode() is not browser:
            self.module.setToolBarActiveBrowserNode(browser)
        if self.module.autoShowToolBar:
            self.module.setToolBarVisible(True)

    def onChosen(self, browser):
        # Chosen by hand, or by the bar itself in the middle of an event of the scene: it is turned to at the next tick.
        self._chosen = browser

    def tick(self):
        """Turns the panel to what was chosen in the bar."""
        browser, self._chosen = self._chosen, None
        clip = self.panel.bench.clip
        if browser is None or browser.GetScene() is None or (clip is not None and clip.browser is browser):
            return
        self.panel.ui.cineSelector.setCurrentNode(browser)

    def onStartImport(self, caller, event):
        # The bar would turn to the last cine of the scene; the panel goes on with the one that the scene shows.
        self._shows = self.module.autoShowToolBar
        self.module.setAutoShowToolBar(False)

    def onEndImport(self, caller, event):
        if self._shows is not None:
            self.module.setAutoShowToolBar(self._shows)
        self._shows = None

    def close(self):
        """The bar is Slicer's again."""
        self.onEndImport(None, None)
        self.bar.disconnect("activeBrowserNodeChanged(vtkMRMLNode*)", self.onChosen)
        for method in (self.onStartImport, self.onEndImport):
            self.panel.removeObservers(method)
