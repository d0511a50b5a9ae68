"""Which parts the panel has."""

from .cinePart import CinePart
from .editPart import EditPart
from .numbersPart import NumbersPart
from .outlinePart import OutlinePart
from .reviewPart import ReviewPart
from .wallsPart import WallsPart


def makeParts(panel):
    """The parts of ``panel``, each connected to its widgets; `update` of a part shows how things are."""
    return [part(panel) for part in (CinePart, OutlinePart, ReviewPart, EditPart, NumbersPart, WallsPart)]
