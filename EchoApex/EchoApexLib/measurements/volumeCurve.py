"""The size of the left ventricle over one cine with its numbers, following the outlines while they are made.

One table, one chart and one table of measurements, which the browser of the cine refers to; end-diastole (ED) and
end-systole (ES) are found, or set by hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from echoapex.cine import BoolMask, Cine, FloatArray
from echoapex.errors import EchoApexError
from echoapex.measure.input_checks import frame_confidence
from echoapex.measure.measurement import Beat, Measurement
from echoapex.measure.volumes_while_editing import (
    Outlines,
    PhaseResult,
    Phases,
    measure_outlines,
    measure_phases,
    why_no_ef,
)
from echoapex.session.state import SessionState

from ..nodes.cineNodes import isShown, ownedNode
from .phasesByHand import PHASES, keepPhases, phasesOf
from .tablesAndPlots import CURVE_COLOR, MOMENT, MOMENT_COLOR, Columns, fillTable, measurementColumns, showSeries

CHART, TABLE, MEASUREMENTS = "EchoApex.CurveChart", "EchoApex.CurveTable", "EchoApex.CurveMeasurements"
"""Roles under which a browser refers to the chart, the table of the curve and that of the measurements."""

LINE, MOMENTS, CURRENT = "EchoApex.CurveLine", "EchoApex.CurveMoments", "EchoApex.CurveCurrent"
"""Roles of the three series of the chart: the curve, ED and ES, and the frame that is shown."""

CURRENT_COLOR = (0.95, 0.55, 0.05)
"""RGB of the point of the frame that is shown (own choice)."""

STRUCTURES = ("LV", "LA")

_HEADROOM = 1.1  # own choice


class VolumeCurve:
    """The curve and the numbers of one cine.

    ``browser`` plays ``cine`` in ``scene``; ``view`` is that of the cine. Volumes are in mL where there is a scale and
    the view is A4C or A2C; otherwise the curve is the area, in cm² or without a scale in pixels. Once the scene is
    closed or the browser removed, `closed` is true and nothing more is written.
    """

    def __init__(self, scene: Any, browser: Any, cine: Cine, view: str) -> None:
        self._scene, self._browser, self._cine, self._view = scene, browser, cine, view
        # One bit a pixel: of a long cine two structures would take hundreds of megabytes.
        self._bits: dict[str, NDArray[np.uint8]] = {}
        self._confidence: dict[str, FloatArray] = {}
        self._byHand, self._phasesRead = phasesOf(browser, cine.frame_count), browser.GetAttribute(PHASES)
        self._open = True
        self._frame: int | None = None
        self._outlines: Outlines | None = None
        self._result = PhaseResult(self._byHand, (), (), why_no_ef(view), ())

    @property
    def closed(self) -> bool:
        """Whether `close` was called, the scene closed, or the browser removed."""
        return not (self._open and isShown(self._browser, self._scene))

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What the outlines give by now, with frames, methods and warnings; the clip is called as the browser."""
        return self._result.measurements

    @property
    def beats(self) -> tuple[Beat, ...]:
        """The beats that the measurements come from."""
        return self._result.beats

    @property
    def phases(self) -> Phases:
        """ED and ES as marked in the plot: those set by hand, or those of the first beat that was found."""
        return self._result.phases

    @property
    def reason(self) -> str:
        """Why there is no EF, in one sentence; empty where there is one."""
        return self._result.reason

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know about the curve and its numbers."""
        return self._result.warnings

    @property
    def values(self) -> FloatArray:
        """The curve ``[T]`` in `unit`, NaN in frames without an outline."""
        empty = np.full(self._cine.frame_count, np.nan)
        return empty if self._outlines is None else self._outlines.sizes

    @property
    def unit(self) -> str:
        """``mL`` in apical views, ``cm²`` in others, and ``px`` where there is no scale."""
        return "px" if self._outlines is None else self._outlines.unit

    @property
    def chart(self) -> Any:
        """The ``vtkMRMLPlotChartNode`` to show; None before the first `update` of a cine."""
        return self._browser.GetNodeReference(CHART)

    def follow(self, state: SessionState, structure: str) -> None:
        """Measures anew from what a session has of ``LV`` or ``LA``; a mask by hand is sure. Raises as `update`."""
        entries = [state.entry(frame, structure) for frame in range(self._cine.frame_count)]
        missing = [frame for frame, entry in enumerate(entries) if entry.mask is None]
        sure = [1.0 if entry.confidence is None else entry.confidence for entry in entries]
        sure = [float("nan") if entry.mask is None else one for one, entry in zip(sure, entries, strict=True)]
        self.update(state.masks(structure), structure, missing, sure)

    def update(
        self,
        masks: NDArray[Any],
        structure: str,
        missing: Iterable[int] = (),
        confidence: ArrayLike | None = None,
    ) -> None:
        """Takes new ``masks`` (bool ``[T, H, W]``) of ``LV`` or ``LA``, measures anew and writes curve and tables.

        ``missing`` are frames that have not been outlined; a frame with an empty mask counts as one too. ``confidence``
        ``[T]`` is the predicted Dice of each frame. Raises `EchoApexError` for another structure, and `MeasureError`
        for masks or confidence that do not fit the cine.
        """
        if structure not in STRUCTURES:
            raise EchoApexError(f"The curve is made from {' and '.join(STRUCTURES)}", value=structure)
        kept = np.array(masks, np.bool_)
        kept[list(missing)] = False
        sure = frame_confidence(confidence, self._cine.frame_count)
        self._size({**self._masks(), structure: kept})
        self._bits[structure] = np.packbits(kept)
        self._confidence.pop(structure, None)
        if sure is not None:
            self._confidence[structure] = sure
        self._measure()

    def setView(self, view: str) -> None:
        """Measures the same outlines as those of another view."""
        self._view = view
        self._size(self._masks())
        self._measure()

    def _size(self, masks: dict[str, BoolMask]) -> None:
        if masks and not self.closed:
            nothing = np.zeros(self._cine.frames.shape, np.bool_)
            self._outlines = measure_outlines(self._cine, self._view, masks.get("LV", nothing), masks.get("LA"))

    def _masks(self) -> dict[str, BoolMask]:
        shape = self._cine.frames.shape
        count = int(np.prod(shape))
        return {
            name: np.unpackbits(bits, count=count).view(np.bool_).reshape(shape) for name, bits in self._bits.items()
        }

    def setPhases(self, ed: int | None = None, es: int | None = None) -> None:
        """Sets ED, ES or both by hand; what is None stays as it is: set by hand before, or found.

        Raises `PromptError` for a frame that the cine has not, and `EchoApexError` where both would be one frame.
        """
        for frame in (ed, es):
            if frame is not None:
                self._cine.check_frame(frame)
        before = self._byHand
        wanted = Phases(
            before.ed if ed is None else int(ed),
            before.es if es is None else int(es),
            before.ed_by_hand or ed is not None,
            before.es_by_hand or es is not None,
        )
        if wanted.ed is not None and wanted.ed == wanted.es:
            raise EchoApexError("ED and ES must be two frames", value=f"both are frame {wanted.ed}")
        self._keepPhases(wanted)

    def clearPhases(self) -> None:
        """Goes back to ED and ES as they are found."""
        self._keepPhases(Phases())

    def _keepPhases(self, phases: Phases) -> None:
        self._byHand = phases
        if self.closed:
            return
        keepPhases(self._browser, phases)
        self._phasesRead = self._browser.GetAttribute(PHASES)
        self._measure()

    def takePhases(self) -> bool:
        """Takes over ED and ES that another panel has set in the scene; whether they are others.

        Raises `EchoApexError` where they are damaged.
        """
        if self.closed or self._browser.GetAttribute(PHASES) == self._phasesRead:
            return False
        self._phasesRead = self._browser.GetAttribute(PHASES)
        self._byHand = phasesOf(self._browser, self._cine.frame_count)
        self._measure()
        return True

    def setFrame(self, frame: int) -> None:
        """Marks this frame as the one that is shown. Raises `PromptError` for a frame that the cine has not."""
        self._cine.check_frame(frame)
        self._frame = frame
        if not self.closed and self._browser.GetNodeReference(TABLE) is not None:
            self._writeCurve()

    def close(self) -> None:
        """Ends the work; tables and plot stay in the scene."""
        self._open = False

    def _measure(self) -> None:
        if self.closed:
            return
        if self._outlines is None:
            self._result = PhaseResult(self._byHand, (), (), why_no_ef(self._view), ())
            return
        self._result = measure_phases(
            *(self._browser.GetName(), self._view, self._outlines, self._cine),
            by_hand=self._byHand,
            confidence=self._confidence,
        )
        self._writeCurve()
        table = self._node(MEASUREMENTS, "vtkMRMLTableNode", "curve measurements")
        fillTable(table, measurementColumns(self.measurements))

    def _node(self, role: str, className: str, what: str) -> Any:
        node = ownedNode(self._browser, role, className, f"{self._browser.GetName()} {what}")
        if className == "vtkMRMLTableNode":
            node.SetUseColumnTitleAsColumnHeader(True)
            node.SetLocked(True)
        return node

    def _writeCurve(self) -> None:
        over = "Time (s)" if self._cine.times.known else "Frame"
        size = f"LV {'volume' if self.unit == 'mL' else 'area'} ({self.unit})"
        table = self._node(TABLE, "vtkMRMLTableNode", "curve")
        columns = self._columns(over, size)
        fillTable(table, columns)
        chart = self._node(CHART, "vtkMRMLPlotChartNode", "curve chart")
        _titled(chart, f"{self._browser.GetName()} (red: ED and ES, orange: frame shown)", over, size)
        self._setRanges(chart, columns[over])
        marks = list(columns)[2:4]
        for role, column, color in (
            (LINE, size, CURVE_COLOR),
            (MOMENTS, marks[0], MOMENT_COLOR),
            (CURRENT, marks[1], CURRENT_COLOR),
        ):
            series = self._node(role, "vtkMRMLPlotSeriesNode", column)
            showSeries(series, table, (over, column), color, points=role != LINE)
            if not chart.HasPlotSeriesNodeID(series.GetID()):
                chart.AddAndObservePlotSeriesNodeID(series.GetID())

    def _setRanges(self, chart: Any, along: Any) -> None:
        """All of the cine, however little is outlined, and sizes from 0."""
        chart.SetXAxisRangeAuto(len(along) < 2)
        chart.SetXAxisRange(float(along[0]), float(along[-1]))
        known = self.values[np.isfinite(self.values)]
        chart.SetYAxisRangeAuto(not known.size)
        chart.SetYAxisRange(0.0, _HEADROOM * float(known.max(initial=1.0)))

    def _columns(self, over: str, size: str) -> Columns:
        count, seconds, phases = self._cine.frame_count, self._cine.times.seconds, self.phases
        moments = {phases.ed: "ED", phases.es: "ES"}
        chosen = {phases.ed: phases.ed_by_hand, phases.es: phases.es_by_hand}
        for beat in () if phases.by_hand else self.beats:
            moments |= {beat.ed: "ED", beat.es: "ES"}
        return {
            over: np.arange(count, dtype=np.float64) if seconds is None else seconds,
            size: self.values,
            f"ED and ES ({self.unit})": self._only(moments),
            f"Current frame ({self.unit})": self._only([self._frame]),
            MOMENT: [f"{moments.get(frame, '')}{' by hand' if chosen.get(frame) else ''}" for frame in range(count)],
        }

    def _only(self, frames: Iterable[int | None]) -> FloatArray:
        """The curve at ``frames``, NaN elsewhere."""
        kept = np.full(self._cine.frame_count, np.nan)
        wanted = [frame for frame in frames if frame is not None]
        kept[wanted] = self.values[wanted]
        return kept


def _titled(chart: Any, title: str, over: str, size: str) -> None:
    chart.SetTitle(title)
    # It would lie over the last beat.
    chart.SetLegendVisibility(False)
    chart.SetXAxisTitle(over)
    chart.SetYAxisTitle(size)
