"""Section "Edit by hand": Slicer's Segment Editor on the masks of the frame that is shown."""

import slicer

from .sideScrollArea import SideScrollArea


class EditSection:
    """The editor is made when the section is opened first; what is drawn is read when it is closed, and before."""

    def __init__(self, panel):
        self.panel, self.ui = panel, panel.ui
        self.editor = self.editorNode = self.place = None
        self.ui.editSection.connect("contentsCollapsed(bool)", self.onCollapsed)

    def onCollapsed(self, collapsed):
        if collapsed:
            self.leave()
        else:
            self.panel.attempt(self.handOver)

    def handOver(self):
        """Gives the masks of the frame that is shown to the editor."""
        if self.editor is None:
            self.editor = slicer.qMRMLSegmentEditorWidget()
            self.editor.setMRMLScene(slicer.mrmlScene)
            self.editor.setSegmentationNodeSelectorVisible(False)
            self.editor.setSourceVolumeNodeSelectorVisible(False)
            self.editor.setSwitchToSegmentationsButtonVisible(False)
            # A segment that is added here would be on this frame alone; structures are chosen above. There is no 3D.
            self.editor.setAddRemoveSegmentButtonsVisible(False)
            self.editor.setShow3DButtonVisible(False)
            self.place = SideScrollArea(self.editor)
            self.ui.editPlace.layout().addWidget(self.place)
        if self.editorNode is None or self.editorNode.GetScene() is None:
            self.editorNode = slicer.mrmlScene.AddNode(_editorNode())
            self.editor.setMRMLSegmentEditorNode(self.editorNode)
        self.panel.setTool("none")
        self.follow()

    def follow(self):
        """Turns the editor, where it is open, to the cine and the structure that are worked on."""
        if self.editor is None or self.ui.editSection.collapsed:
            return
        clip = self.panel.bench.current
        clip.scene.addStructure(clip.structure)
        self.editor.setSegmentationNode(clip.scene.segmentation)
        self.editor.setSourceVolumeNode(clip.scene.volume)
        self.editor.setCurrentSegmentID(clip.scene.segmentIdOf(clip.structure))

    def stopDrawing(self):
        """Puts the effect away: one that is active draws in the views, in other modules, too."""
        if self.editor is not None:
            self.editor.setActiveEffectByName("")

    def leave(self):
        """Takes back what was drawn."""
        self.stopDrawing()
        clip = self.panel.bench.clip
        if clip is not None and not clip.closed:
            self.panel.attempt(clip.scene.readEdits)

    def release(self):
        """The nodes that the editor works on are about to go."""
        self.stopDrawing()
        if self.editor is not None:
            self.editor.setSegmentationNode(None)
            self.editor.setSourceVolumeNode(None)
            # While a scene closes the editor keeps its effect, which would go on in the views and crash Slicer there.
            self.editor.removeViewObservations()

    def close(self):
        """The editor lets go of the scene."""
        self.release()
        if self.editor is not None:
            self.editor.setMRMLSegmentEditorNode(None)

    def update(self):
        clip = self.panel.bench.clip
        self.ui.editSection.enabled = clip is not None
        if clip is None and not self.ui.editSection.collapsed:
            self.ui.editSection.collapsed = True


def _editorNode():
    """The editor's settings, which belong to this panel and are not saved."""
    node = slicer.vtkMRMLSegmentEditorNode()
    node.SetSingletonTag("EchoApexSegment")
    node.SetSaveWithScene(False)
    return node
