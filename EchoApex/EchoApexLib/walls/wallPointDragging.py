"""The points of the walls through a cine as they are suggested, dragged, placed and put back.

What is here is the record; the markups are a view of it that a hand can move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoapex.cine import Cine, FloatArray
from echoapex.landmarks import WALL_LANDMARKS
from echoapex.measure.wall_point_constraints import dragged, straightened

from ..nodes.cineNodes import isShown
from ..nodes.coordinates import ijkToRasOf, ijkToWorldOf, pixelsFromRas, rasFromPixels
from ..nodes.observers import Observers
from ..sequences.landmarkSequence import landmarksOfSequence
from .wallPointNodes import addWallPoints, byHand, describePoints, findWallPoints, pointsOf, writePoints

INNER = (1, 2)
"""The points that are shown and moved at end-systole: both ends of the inner diameter."""

_SAME_PX = 1e-6


@dataclass(frozen=True)
class _Before:
    """The points ``[4, 2]`` of a frame, and which were set by hand, before those of ``moved`` were."""

    frame: int
    points: FloatArray
    chosen: NDArray[np.bool_]
    moved: set[int] = field(default_factory=set)

    @property
    def words(self) -> str:
        names = ", ".join(WALL_LANDMARKS[index] for index in sorted(self.moved))
        return f"{names} in frame {self.frame}"


class WallPoints:
    """Four points on each frame of ``cine``, which ``browser`` steps.

    ``places`` ``[T, 4, 2]`` are pixels, NaN where not placed, ``sigma`` ``[T, 4]`` their standard deviations and
    ``byHand`` ``[T, 4]`` says which were put there by hand. On the frames ``ed`` and ``es`` they keep to one line and
    to their order, at ES the inner two alone. ``onMoved`` is called after every move of a hand. There is no node
    before `start`, unless one is found.
    """

    def __init__(self, browser: Any, cine: Cine, onMoved: Callable[[], None], onProblem: Callable[[str], None]) -> None:
        self._browser, self._cine, self._onMoved = browser, cine, onMoved
        self._volume = browser.GetProxyNode(browser.GetMasterSequenceNode())
        self._matrix = ijkToRasOf(self._volume)
        shape = (cine.frame_count, len(WALL_LANDMARKS))
        self.places, self.sigma = np.full((*shape, 2), np.nan), np.full(shape, np.nan)
        self.byHand = np.zeros(shape, np.bool_)
        self._suggested = self.places.copy()
        self.ed: int | None = None
        self.es: int | None = None
        self.proxy: Any = None
        self._sequence: Any = None
        self._history: list[_Before] = []
        self._drag: _Before | None = None
        self._writing = False
        self._observers = Observers(onProblem)
        found = findWallPoints(browser, cine)
        if found is not None:
            self._attach(found)

    def start(self) -> None:
        """Makes the nodes of the points where there are none yet."""
        if self._sequence is None:
            self._attach(addWallPoints(self._browser, self._cine))

    def _attach(self, sequence: Any) -> None:
        """Takes the points of ``sequence`` and follows what is done with them."""
        self._sequence, self.proxy = sequence, self._browser.GetProxyNode(sequence)
        found = landmarksOfSequence(sequence, self._matrix)
        self.places, self.sigma = found.points, found.sigma_px
        items = (sequence.GetNthDataNode(frame) for frame in range(self._cine.frame_count))
        self.byHand = np.array([byHand(item) for item in items])
        add, points = self._observers.add, self.proxy
        add(points, points.PointStartInteractionEvent, self._onDragStarted)
        for event in (points.PointModifiedEvent, points.PointPositionDefinedEvent, points.PointPositionUndefinedEvent):
            add(points, event, self._onChanged)
        add(points, points.PointEndInteractionEvent, self.endDrag)

    @property
    def gone(self) -> bool:
        """Whether somebody removed the browser or the points from the scene."""
        scene = self._browser.GetScene()
        if scene is None or not isShown(self._browser, scene):
            return True
        return self._sequence is not None and self._browser.GetProxyNode(self._sequence) is not self.proxy

    @property
    def frame(self) -> int:
        """The frame that is shown."""
        return int(self._browser.GetSelectedItemNumber())

    @property
    def missing(self) -> str | None:
        """The first point that the frame that is shown needs and has not; None on frames other than ED and ES."""
        absent = self._absent(self.frame)
        return WALL_LANDMARKS[int(np.argmax(absent))] if absent.any() else None

    @property
    def incomplete(self) -> int | None:
        """The frame that is shown, or else ED or ES, whichever needs a point that it has not; None when none does."""
        return next((frame for frame in (self.frame, self.ed, self.es) if self._absent(frame).any()), None)

    def _absent(self, frame: int | None) -> NDArray[np.bool_]:
        """Which of the four points a frame needs and has not."""
        if frame is None or frame not in (self.ed, self.es):
            return np.zeros(len(WALL_LANDMARKS), np.bool_)
        return np.asarray(np.isnan(self.places[frame]).any(axis=1) & self._active(frame), np.bool_)

    def isSuggested(self, frame: int) -> bool:
        """Whether a point that ``frame`` needs is there and was not set by hand."""
        return bool((self._active(frame) & ~self._absent(frame) & ~self.byHand[frame]).any())

    @property
    def transformId(self) -> str | None:
        """The transform that the picture is below."""
        found = self._volume.GetTransformNodeID()
        return None if found is None else str(found)

    def observeTransform(self, method: Callable[[], None]) -> None:
        """Calls ``method`` when the picture is moved by a transform."""
        import slicer

        self._observers.add(self._volume, slicer.vtkMRMLTransformableNode.TransformModifiedEvent, method)

    def rasOf(self, frame: int, indices: tuple[int, int]) -> FloatArray:
        """Two points of a frame in RAS ``[2, 3]``, without the transform that the picture is below."""
        return rasFromPixels(self.places[frame, list(indices)], self._matrix)

    def suggest(self, places: FloatArray, sigma: FloatArray) -> None:
        """Takes the points ``[T, 4, 2]`` and ``sigma`` ``[T, 4]`` of frames where none was set by hand."""
        free = ~self.byHand.any(axis=1)
        self.places[free], self.sigma[free] = places[free], sigma[free]
        self._suggested[free] = places[free]
        for frame in np.flatnonzero(free):
            self.write(int(frame))

    def straighten(self, frame: int) -> None:
        """Lays the points of a frame onto one line; those that were set by hand have most weight."""
        sigma = np.where(self.byHand[frame], 0.0, self.sigma[frame])
        self.places[frame] = straightened(self.places[frame], sigma, self._cine.scale.mm_per_px)

    def write(self, frame: int, keep: int | None = None) -> None:
        """Puts the points of ``frame`` into its item, and into what is shown, all but the one at ``keep``."""
        lists = [self._sequence.GetNthDataNode(frame), *([self.proxy] if frame == self.frame else [])]
        self._writing = True
        try:
            for markups in lists:
                writePoints(markups, self.places[frame], self._matrix, keep)
                describePoints(markups, self.sigma[frame], self.byHand[frame], self._active(frame))
        finally:
            self._writing = False

    def place(self, ras: tuple[float, float, float]) -> None:
        """Puts the `missing` point of the frame that is shown where the world has ``ras``."""
        name = self.missing
        if name is None:
            return
        before, index = self._before(), WALL_LANDMARKS.index(name)
        shown = before.points.copy()
        shown[index] = pixelsFromRas(ras, ijkToWorldOf(self._volume))
        self._move(before, [index], shown)
        self._finish(before)
        self._onMoved()

    def undo(self) -> str | None:
        """Takes the last move back and shows its frame; gives the names of the points in words, None without any."""
        if not self._history:
            return None
        before, self._drag = self._history.pop(), None
        self.places[before.frame], self.byHand[before.frame] = before.points, before.chosen
        self.write(before.frame)
        self._browser.SetSelectedItemNumber(before.frame)
        self._onMoved()
        return before.words

    def close(self) -> None:
        """Ends following what is done with the points."""
        self._drag = None
        self._observers.clear()

    def _active(self, frame: int) -> NDArray[np.bool_]:
        """Which points are shown and keep to one line: all of them, but at ES those of the inner diameter."""
        return np.isin(np.arange(len(WALL_LANDMARKS)), INNER) | (frame != self.es)

    def _before(self) -> _Before:
        return _Before(self.frame, self.places[self.frame].copy(), self.byHand[self.frame].copy())

    def _onDragStarted(self) -> None:
        if not self.gone:
            self._drag = self._before()

    def _onChanged(self) -> None:
        if self._writing or self.gone:
            return
        frame = self.frame
        shown = pointsOf(self.proxy, self._matrix)
        moved = np.flatnonzero(_differing(shown, self.places[frame]))
        if not moved.size:
            return
        dragging = self._drag if self._drag is not None and self._drag.frame == frame else None
        before = dragging or self._before()
        self._move(before, moved.tolist(), shown)
        if dragging is None:
            self._finish(before)
        else:
            # The hand still holds the point: taking it away would make it jump under the pointer.
            self.write(frame, keep=int(moved[0]))
        self._onMoved()

    def _move(self, before: _Before, moved: list[int], shown: FloatArray) -> None:
        self.places[before.frame] = self._following(before, moved, shown)
        self.byHand[before.frame, moved] = np.isfinite(shown[moved]).all(axis=1)
        before.moved.update(moved)

    def _following(self, before: _Before, moved: list[int], shown: FloatArray) -> FloatArray:
        """All points of the frame once those that were ``moved`` are where they are ``shown``."""
        if before.frame not in (self.ed, self.es):
            return shown
        active, mmPerPx = self._active(before.frame), self._cine.scale.mm_per_px
        if len(moved) == 1 and active[moved[0]] and np.isfinite(shown[moved[0]]).all():
            start = np.where(active[:, None], self._without(before, moved[0]), np.nan)
            points = dragged(start, moved[0], shown[moved[0]], mmPerPx)
        else:
            points = np.where(active[:, None], before.points, np.nan)
            points[moved] = np.where(active[moved, None], shown[moved], np.nan)
            points = straightened(points, np.zeros(len(points)), mmPerPx)
        return np.where(active[:, None], points, before.points)

    def _without(self, before: _Before, index: int) -> FloatArray:
        """The points as the suggestion has them without the one at ``index``, while no hand has moved any of them.

        Whoever moves a point says that it was wrong: then it was wrong, too, to fit the others to it.
        """
        suggested = self._suggested[before.frame].copy()
        suggested[index] = np.nan
        if before.chosen.any() or np.isnan(suggested).all():
            return before.points
        fitted = straightened(suggested, self.sigma[before.frame], self._cine.scale.mm_per_px)
        fitted[index] = before.points[index]
        return fitted

    def endDrag(self) -> None:
        """Lets a point go that a hand was moving: it comes to lie on the line, and the move can be undone."""
        before, self._drag = self._drag, None
        if before is not None and not self.gone:
            self._finish(before)
            self._onMoved()

    def _finish(self, before: _Before) -> None:
        changed = _differing(self.places[before.frame], before.points) | (self.byHand[before.frame] != before.chosen)
        if changed.any():
            self._history.append(before)
        self.write(before.frame)

    @property
    def draggedElsewhere(self) -> bool:
        """Whether a point was being moved on a frame that is not shown any more."""
        return self._drag is not None and self._drag.frame != self.frame


def _differing(points: FloatArray, others: FloatArray) -> NDArray[np.bool_]:
    return np.asarray(~np.isclose(points, others, rtol=0.0, atol=_SAME_PX, equal_nan=True).all(axis=1), np.bool_)
