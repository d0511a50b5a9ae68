"""Slicer's tool bar of sequences: it and the panel have one and the same cine, whichever of the two it is chosen in."""

import slicer


class SequenceToolBar:
    """Keeps the tool bar with ``panel`` until `close`."""

    def __init__(self, panel):
        self.panel = panel
        self.module = slicer.modules.sequences
        self._chosen, self._importing, self._imported = None, False, False
        self.bar = self.module.toolBar()
        self.bar.connect("activeBrowserNodeChanged(vtkMRMLNode*)", self.onChosen)
        scene = slicer.mrmlScene
        panel.addObserver(scene, scene.StartImportEvent, self.onStartImport)
        panel.addObserver(scene, scene.EndImportEvent, self.onEndImport)

    def show(self, browser):
        """The cine of the panel is the one that is played; the bar is shown as after Slicer's own reading."""
        if self.bar.activeBrowserNode() is not browser:
            self.module.setToolBarActiveBrowserNode(browser)
        if self.module.autoShowToolBar:
            self.module.setToolBarVisible(True)
        self._chosen = None

    def onChosen(self, browser):
        # Chosen by hand, or by the bar itself in the middle of an event of the scene: it is turned to at the next tick.
        self._chosen = browser

    def tick(self):
        """Turns the panel to the cine that was chosen in the bar; what is no cine is none of its business."""
        from EchoApexLib.cine.cineFromBrowser import mayBeCine

        self._showWhatOthersBring()
        browser, self._chosen = self._chosen, None
        if browser is not None and browser.GetScene() is not None and mayBeCine(browser):
            self.panel.ui.cineSelector.setCurrentNode(browser)

    def _showWhatOthersBring(self):
        """A scene without a cine: its sequences are shown as Slicer would have done it."""
        imported, self._imported = self._imported, False
        browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode") if imported else []
        if browsers and self.panel.bench.clip is None:
            self.module.showSequenceBrowser(browsers[-1])

    def onStartImport(self, caller, event):
        # The bar would turn to the last cine of the scene; the panel goes on with the one that the scene shows.
        self._importing = self.module.autoShowToolBar
        if self._importing:
            self.module.setAutoShowToolBar(False)

    def onEndImport(self, caller, event):
        if self._importing:
            self.module.setAutoShowToolBar(True)
        self._imported, self._importing = self._importing, False

    def close(self):
        """The bar is Slicer's again."""
        self.onEndImport(None, None)
        self.bar.disconnect("activeBrowserNodeChanged(vtkMRMLNode*)", self.onChosen)
        for method in (self.onStartImport, self.onEndImport):
            self.panel.removeObservers(method)
