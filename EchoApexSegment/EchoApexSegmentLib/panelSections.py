"""Which parts the panel has, and what it takes of the window while its module is shown."""

import slicer

from EchoApexPanelLib.colorToggle import ColorToggle
from EchoApexPanelLib.plotView import useLayout

from .cineSection import CineSection
from .editSection import EditSection
from .keys import Keys
from .outlineSection import OutlineSection
from .promptMouse import ViewInput
from .reviewSection import ReviewSection
from .sequenceToolBar import SequenceToolBar
from .volumeSection import VolumeSection
from .wallsSection import WallsSection


def makeSections(panel):
    """The parts of ``panel``, each connected to its widgets, and which of them is `EditSection`.

    `update` of a part shows how things are.
    """
    editing = EditSection(panel)
    parts = [
        CineSection(panel),
        ColorToggle(panel),
        OutlineSection(panel),
        ReviewSection(panel),
        editing,
        VolumeSection(panel),
        WallsSection(panel),
    ]
    return parts, editing


def takeInput(panel):
    """Keys, mouse and the tool bar of sequences for ``panel``, in our layout; without a main window there are none."""
    if slicer.util.mainWindow() is None or slicer.app.layoutManager() is None:
        return None, None, None
    useLayout()
    return Keys(panel), ViewInput(panel), SequenceToolBar(panel)
