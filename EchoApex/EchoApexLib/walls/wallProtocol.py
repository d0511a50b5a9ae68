"""Measuring the walls of one PLAX cine step by step: septum, inner diameter and posterior wall at ED, diameter at ES.

Four points on each of both frames, which keep to one line and to their order; the model suggests them, a hand moves
them, and the calipers, mass and relative wall thickness follow.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from echoapex.cine import Cine
from echoapex.console import say
from echoapex.errors import EchoApexError
from echoapex.io.json_shapes import number, or_null, record, row, table_of, whole
from echoapex.io.untrusted_json import parse_json
from echoapex.landmarks import WALL_LANDMARKS, Landmarks
from echoapex.measure.measurement import Measurement
from echoapex.measure.wall_steps_by_hand import (
    WALL_STEPS,
    StepLength,
    WallStep,
    find_wall_phases,
    lengths_of,
    measure_steps,
)

from ..measurements.tablesAndPlots import fillTable, measurementColumns
from ..nodes.cineNodes import isShown, ownedNode
from ..nodes.observers import Observers
from ..sliceView.placeModeClicks import PointTool
from .caliperLines import hideLine, lengthText, showLine
from .wallPointDragging import WallPoints

PROTOCOL = "EchoApex.WallProtocol"
"""Attribute of a browser: ED, ES and what was confirmed."""

MEASUREMENTS = "EchoApex.WallMeasurements"
"""Role under which a browser refers to the table of the measurements."""

POINT_COLOR = (1.0, 1.0, 1.0)
"""RGB of the points that can be dragged (own choice: that of no line)."""

_SAME_VALUE = 0.05  # less than is shown: the line through all points turns a little when one of them is moved


class StepStatus(StrEnum):
    """How far a step has come; what was confirmed and has changed since is not confirmed any more."""

    OPEN = "open"
    SUGGESTED = "suggested"
    BY_HAND = "by hand"
    CONFIRMED = "confirmed"


@dataclass(frozen=True)
class Step:
    """One step: ``value`` in ``unit`` (``mm``, or ``px`` without a scale), None while a point is missing.

    ``frame`` is that of its phase, None while that is unknown.
    """

    name: str
    value: float | None
    unit: str
    status: StepStatus
    frame: int | None


class WallProtocol:
    """The walls of one cine.

    ``browser`` plays ``cine`` in ``scene``. ``onChanged`` is called without arguments after every change of a value or
    status, while dragging too; ``onProblem`` gets the sentence where a click or a drag is refused. What an earlier one
    left in the scene is found again. Once the scene is closed, or the browser or the points are removed, `closed` is
    true, and nothing more is written.
    """

    def __init__(
        self,
        scene: Any,
        browser: Any,
        cine: Cine,
        onChanged: Callable[[], None] | None = None,
        onProblem: Callable[[str], None] = say,
    ) -> None:
        import slicer

        self._scene, self._browser, self._cine, self._onChanged = scene, browser, cine, onChanged
        self._ed, self._es, self._confirmed = protocolOf(browser, cine.frame_count)
        self._points = WallPoints(browser, cine, self._changed, onProblem)
        self._points.ed, self._points.es = self._ed, self._es
        self._reason, self._open = "", True
        self._observers, self._tool = Observers(onProblem), PointTool(scene, onProblem)
        self._observers.add(scene, slicer.vtkMRMLScene.StartCloseEvent, self.close)
        self._observers.add(browser, "ModifiedEvent", self._onFrameChanged)
        self._points.observeTransform(self.draw)
        self.draw()

    def _begin(self) -> bool:
        """Makes the points where there are none yet; false where the work is over."""
        if self.closed:
            return False
        self._points.start()
        return True

    @property
    def closed(self) -> bool:
        """Whether `close` was called, the scene closed, or browser or points removed."""
        return not (self._open and isShown(self._browser, self._scene)) or self._points.gone

    @property
    def frame(self) -> int:
        """The frame that is shown."""
        return self._points.frame

    @property
    def phases(self) -> tuple[int | None, int | None]:
        """The frames of ED and ES, None where not set."""
        return self._ed, self._es

    @property
    def points(self) -> Any:
        """The ``vtkMRMLMarkupsFiducialNode`` with the points of the frame that is shown; None before there are any."""
        return self._points.proxy

    @property
    def reason(self) -> str:
        """Why ED and ES were not found when landmarks were suggested without them; else empty."""
        return self._reason

    @property
    def steps(self) -> list[Step]:
        """`WALL_STEPS` in their order, as far as they have come."""
        return [self._step(step) for step in WALL_STEPS]

    @property
    def suggested(self) -> bool:
        """Whether a point that is measured is where the model has it, and not a hand."""
        frames = [frame for frame in self.phases if frame is not None]
        return any(self._points.isSuggested(frame) for frame in frames)

    @property
    def next(self) -> str | None:
        """The first step that is not confirmed; None when all are."""
        return next((step.name for step in self.steps if step.status is not StepStatus.CONFIRMED), None)

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """The lengths in mm with FS, RWT and LV mass, as far as known; without a scale FS and RWT alone."""
        lengths = {
            step.name: StepLength(step.value, step.frame, _told(step))
            for step in self.steps
            if step.value is not None and step.frame is not None
        }
        return measure_steps(self._browser.GetName(), lengths, self._cine.scale)

    def suggest(self, landmarks: Landmarks, ed: int | None = None, es: int | None = None) -> None:
        """Puts the points where the model has ``landmarks``, on frames where none was set by hand, and sets ED and ES.

        Where both are None and were not set before, those of the inner diameter count; `reason` says why if there are
        none. Raises `EchoApexError` where landmarks of the walls are missing or are not those of this cine, and as
        `setPhases` does.
        """
        if len(landmarks.points) != self._cine.frame_count:
            found = f"{len(landmarks.points)} for {self._cine.frame_count}"
            raise EchoApexError("There must be one set of landmarks for each frame", value=found)
        points = np.stack([landmarks.of(name) for name in WALL_LANDMARKS], axis=1)
        sigma = landmarks.sigma_px[:, [landmarks.names.index(name) for name in WALL_LANDMARKS]]
        ed, es = self._orFound(landmarks, ed, es)
        self._checkPhases(ed, es)
        if not self._begin():
            return
        self._points.suggest(points, sigma)
        self.setPhases(ed, es)

    def _orFound(self, landmarks: Landmarks, ed: int | None, es: int | None) -> tuple[int | None, int | None]:
        """ED and ES; those of the inner diameter where neither is given nor set."""
        self._reason = ""
        if (ed, es) != (None, None) or self.phases != (None, None):
            return ed, es
        beat, reason = find_wall_phases(landmarks, self._cine)
        if beat is None:
            self._reason = f"ED and ES were not found, set them by hand: {reason}"
            return None, None
        return beat.ed, beat.es

    def setPhases(self, ed: int | None = None, es: int | None = None) -> None:
        """Measures at these frames from now on; what is None stays as it is.

        Raises `PromptError` for a frame that the cine has not, and `EchoApexError` where both would be one frame.
        """
        self._checkPhases(ed, es)
        if self.closed:
            return
        before = {frame for frame in self.phases if frame is not None}
        self._ed = self._points.ed = self._ed if ed is None else int(ed)
        self._es = self._points.es = self._es if es is None else int(es)
        now = {frame for frame in self.phases if frame is not None}
        # Without points there is nothing to measure yet, and nothing is made.
        for frame in now if self.points is not None else ():
            self._points.straighten(frame)
        for frame in now | before if self.points is not None else ():
            self._points.write(frame)
        self._changed()

    def clearPhases(self) -> None:
        """Forgets ED and ES where no point has been placed or suggested yet; points keep their frames."""
        if self.points is None and not self.closed:
            self._ed = self._es = self._points.ed = self._points.es = None
            self._changed()

    def _checkPhases(self, ed: int | None, es: int | None) -> None:
        for frame in (ed, es):
            if frame is not None:
                self._cine.check_frame(frame)
        both = (self._ed if ed is None else ed, self._es if es is None else es)
        if both[0] is not None and both[0] == both[1]:
            raise EchoApexError("ED and ES must be two frames", value=f"both are frame {both[0]}")

    def confirm(self, name: str) -> None:
        """Ticks a step. Raises `EchoApexError` for one that is not of the protocol or has no length above 0 yet."""
        step = self._stepOf(name)
        if step.value is None or step.frame is None or step.value <= 0:
            raise EchoApexError(f"Only a length above 0 can be confirmed: place both ends of {name} first")
        self._confirmed[name] = (step.frame, step.value)
        self._changed()

    def jump(self, name: str) -> None:
        """Shows the frame of a step. Raises `EchoApexError` where its phase is not set."""
        step = self._stepOf(name)
        if step.frame is None:
            raise EchoApexError(f"{name} has no frame yet: set ED and ES first")
        if not self.closed:
            self._browser.SetSelectedItemNumber(step.frame)

    @property
    def missing(self) -> str | None:
        """The first point that is not placed on the frame that is shown; None when all are, or it is neither ED nor ES.

        At ES these are the ends of the inner diameter alone.
        """
        return self._points.missing

    def startPlacing(self) -> None:
        """Lets clicks in the views place the `missing` points of the frame that is shown, one after the other.

        Goes to ED or ES first where the frame that is shown lacks none; ends by itself when all are placed. Raises
        `EchoApexError` where neither ED nor ES is set, or no point is missing.
        """
        if self.phases == (None, None):
            raise EchoApexError("Set ED and ES first: wall points are placed on these two frames")
        frame = self._points.incomplete
        if frame is None and None in self.phases:
            set_, other = ("ED", "ES") if self.phases[1] is None else ("ES", "ED")
            raise EchoApexError(f"No point is missing at {set_}, and {other} is not set yet: set it first")
        if frame is None:
            raise EchoApexError("No point is missing at ED and ES: drag one to move it", value=self.phases)
        if self._begin():
            self._browser.SetSelectedItemNumber(frame)
            self._tool.arm(f"{self._browser.GetName()} wall point", self._place)

    @property
    def placing(self) -> str | None:
        """The point that the next click places; None while clicks place none."""
        return self.missing if self._tool.armed else None

    def stopPlacing(self) -> None:
        """Ends `startPlacing`."""
        self._tool.disarm()

    def tidy(self) -> None:
        """Removes what placing has left in the scene; whoever drives the work calls it when no event is under way."""
        self._tool.tidy()

    def _place(self, ras: tuple[float, float, float]) -> None:
        if not self.closed:
            self._points.place(ras)
        if self.closed or self.missing is None:
            self._tool.disarm()

    def undo(self) -> str | None:
        """Takes the last move of a point back and shows its frame; says in words what it was, None without any."""
        return None if self.closed else self._points.undo()

    def close(self) -> None:
        """Ends the work: nothing is observed any more; points, lines and table stay in the scene."""
        self._open = False
        self._tool.disarm()
        self._tool.tidy()
        self._points.close()
        self._observers.clear()

    def _stepOf(self, name: str) -> Step:
        known = {step.name: step for step in self.steps}
        if name not in known:
            raise EchoApexError(f"The steps are {', '.join(known)}", value=name)
        return known[name]

    def _step(self, step: WallStep) -> Step:
        frame = self._es if step.at_es else self._ed
        unit = "mm" if self._cine.scale.known else "px"
        if frame is None:
            return Step(step.name, None, unit, StepStatus.OPEN, None)
        value = float(lengths_of(self._points.places[frame], self._cine.scale.mm_per_px)[step.ends[0]])
        if np.isnan(value):
            return Step(step.name, None, unit, StepStatus.OPEN, frame)
        return Step(step.name, value, unit, self._status(step, frame, value), frame)

    def _status(self, step: WallStep, frame: int, value: float) -> StepStatus:
        confirmed = self._confirmed.get(step.name)
        if confirmed is not None and confirmed[0] == frame and sameValue(confirmed[1], value):
            return StepStatus.CONFIRMED
        return StepStatus.BY_HAND if self._points.byHand[frame, list(step.ends)].any() else StepStatus.SUGGESTED

    def _onFrameChanged(self) -> None:
        if self.closed:
            self.close()
            return
        if self._points.draggedElsewhere:
            self._points.endDrag()
        self.draw()

    def _changed(self) -> None:
        if self.closed:
            return
        record = {"ed": self._ed, "es": self._es, "confirmed": self._confirmed}
        self._browser.SetAttribute(PROTOCOL, json.dumps(record))
        if self.points is not None:
            self.draw()
            self._fillTable()
        if self._onChanged is not None:
            self._onChanged()

    def _fillTable(self) -> None:
        name = f"{self._browser.GetName()} wall measurements"
        table = ownedNode(self._browser, MEASUREMENTS, "vtkMRMLTableNode", name)
        table.SetUseColumnTitleAsColumnHeader(True)
        table.SetLocked(True)
        fillTable(table, measurementColumns(self.measurements))

    def draw(self) -> None:
        """Points and lines of the frame that is shown, where the picture is."""
        points = self._points.proxy
        if self.closed or points is None or self.phases == (None, None):
            return
        above = self._points.transformId
        points.SetAndObserveTransformNodeID(above)
        points.CreateDefaultDisplayNodes()
        points.GetDisplayNode().SetVisibility(self.frame in self.phases)
        points.GetDisplayNode().SetSelectedColor(*POINT_COLOR)
        # Beside the names of the calipers they would be in the way.
        points.GetDisplayNode().SetPointLabelsVisibility(self.missing is not None)
        for step, found in zip(WALL_STEPS, self.steps, strict=True):
            if found.value is None or found.frame is None:
                hideLine(self._browser, step.name)
                continue
            ends, text = self._points.rasOf(found.frame, step.ends), lengthText(found.value, found.unit)
            showLine(self._browser, step.name, text, ends, above, visible=found.frame == self.frame)


def sameValue(one: float, other: float) -> bool:
    """Whether two lengths are one on screen."""
    return abs(one - other) < _SAME_VALUE


def _told(step: Step) -> tuple[str, ...]:
    words = {
        StepStatus.SUGGESTED: f"{step.name} is a suggestion of the model that nobody has confirmed",
        StepStatus.BY_HAND: f"{step.name} was set by hand",
    }
    return (words[step.status],) if step.status in words else ()


def protocolOf(browser: Any, frameCount: int) -> tuple[int | None, int | None, dict[str, tuple[int, float]]]:
    """ED, ES and what was confirmed, as saved with the scene. Raises `EchoApexError` for what does not fit the cine."""
    text = browser.GetAttribute(PROTOCOL)
    if not text:
        return None, None, {}
    frame = whole(0, frameCount - 1)
    shape = record({"ed": or_null(frame), "es": or_null(frame), "confirmed": table_of(row(frame, number()))})
    found = parse_json(text, "The wall measurements of this scene are damaged", shape)
    return found["ed"], found["es"], {name: (item[0], float(item[1])) for name, item in found["confirmed"].items()}
