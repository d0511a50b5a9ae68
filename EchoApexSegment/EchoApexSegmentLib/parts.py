"""Which parts the panel has, and what it takes of the window while its module is shown."""

import slicer

from .cinePart import CinePart
from .editPart import EditPart
from .keys import Keys
from .numbersPart import NumbersPart
from .outlinePart import OutlinePart
from .plotView import useLayout
from .promptMouse import ViewInput
from .reviewPart import ReviewPart
from .sequenceToolBar import SequenceToolBar
from .wallsPart import WallsPart


def makeParts(panel):
    """The parts of ``panel``, each connected to its widgets, and which of them is `EditPart`.

    `update` of a part shows how things are.
    """
    editing = EditPart(panel)
    parts = [CinePart(panel), OutlinePart(panel), ReviewPart(panel), editing, NumbersPart(panel), WallsPart(panel)]
    return parts, editing


def takeInput(panel):
    """Keys, mouse and the tool bar of sequences for ``panel``, in our layout; without a main window there are none."""
    if slicer.util.mainWindow() is None or slicer.app.layoutManager() is None:
        return None, None, None
    useLayout()
    return Keys(panel), ViewInput(panel), SequenceToolBar(panel)
