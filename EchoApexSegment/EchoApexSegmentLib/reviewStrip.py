"""The strip over the frames of a cine: one bar a frame, as high as its confidence, in the color of its status."""

import qt
from slicer.i18n import tr as _

COLORS = {
    "predicted": (96, 149, 209),
    "prompted": (226, 144, 43),
    "edited": (150, 100, 180),
    "accepted": (70, 150, 90),
    "flagged": (200, 60, 60),
}
"""RGB by status (own choice), of frames with an outline; the palette has the others, the ground and the marks.

Where there is room, the letter of the status is drawn, too: color is not enough.
"""

STRIP_HEIGHT_PX = 44
LETTER_WIDTH_PX = 9
MARK_SIDE_PX = 4
LEAST_BAR = 0.15
LEAST_MARK_PX = 7
"""So that the bar can be seen within the mark of the frame that is shown."""


class ReviewStrip(qt.QWidget):
    """Clicking or dragging calls ``chosen`` with the number of a frame."""

    def __init__(self, chosen):
        qt.QWidget.__init__(self)
        self._chosen = chosen
        self._bars, self._shown, self._waiting = (), 0, frozenset()
        self.setObjectName("reviewStrip")
        self.setFixedHeight(STRIP_HEIGHT_PX)
        self.setToolTip(
            _(
                "One bar for each frame, as high as its confidence: a accepted (green), e edited by hand (violet), "
                "f flagged (red), p predicted (blue), c prompted by clicks (orange); a dot marks what needs review. "
                "Click to go there."
            )
        )

    def showEntries(self, entries, shown, waiting):
        """Shows the entries of all frames; ``shown`` is the frame on screen, ``waiting`` those that need review."""
        bars = tuple((str(entry.status), entry.confidence, entry.mask is not None) for entry in entries)
        now = (bars, shown, frozenset(waiting))
        if now != (self._bars, self._shown, self._waiting):
            self._bars, self._shown, self._waiting = now
            self.update()

    def frameAt(self, x):
        """The frame at ``x`` pixels from the left."""
        return min(max(int(x * len(self._bars) / max(self.width, 1)), 0), len(self._bars) - 1)

    def mousePressEvent(self, event):
        if self._bars:
            self._chosen(self.frameAt(event.pos().x()))

    def mouseMoveEvent(self, event):
        if self._bars:
            self._chosen(self.frameAt(event.pos().x()))

    def paintEvent(self, event):
        painter = qt.QPainter(self)
        across, tall = self.width, self.height
        painter.fillRect(0, 0, across, tall, self.palette.color(qt.QPalette.Base))
        count = len(self._bars)
        for frame, bar in enumerate(self._bars):
            left, right = across * frame // count, across * (frame + 1) // count
            self._paintFrame(painter, frame, bar, left, right - left, tall)
        if count:
            self._markShown(painter, count)
        painter.end()

    def _paintFrame(self, painter, frame, bar, left, wide, tall):
        status, confidence, drawn = bar
        part = 1.0 if confidence is None else max(confidence, LEAST_BAR)
        high = int((tall - 8) * (part if drawn else LEAST_BAR))
        color = qt.QColor(*COLORS[status]) if status in COLORS else self.palette.color(qt.QPalette.Mid)
        painter.fillRect(left, tall - high, max(wide - 1, 1), high, color)
        if frame in self._waiting:
            # On narrow bars the marks of neighbors must not become a line.
            side = min(MARK_SIDE_PX, max(wide - 1, 1))
            painter.fillRect(left + (wide - side) // 2, 2, side, MARK_SIDE_PX, self.palette.color(qt.QPalette.Text))
        if wide >= LETTER_WIDTH_PX and drawn:
            painter.setPen(qt.QPen(qt.QColor(255, 255, 255)))
            letter = "c" if status == "prompted" else status[0]
            painter.drawText(left + (wide - 7) // 2, tall - 5, letter)

    def _markShown(self, painter, count):
        """A frame around the bar of the frame that is shown."""
        left, right = self.width * self._shown // count, self.width * (self._shown + 1) // count
        wide = max(right - left, LEAST_MARK_PX)
        left = min(max((left + right - wide) // 2, 0), self.width - wide)
        pen = qt.QPen(self.palette.color(qt.QPalette.Text))
        pen.setWidth(2)
        painter.setPen(pen)
        painter.drawRect(left + 1, 1, wide - 2, self.height - 2)
