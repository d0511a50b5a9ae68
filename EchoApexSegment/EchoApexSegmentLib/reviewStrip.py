"""The strip over the frames of a cine: one bar a frame, as high as its confidence, in the color of its status."""

import qt

COLORS = {
    "empty": (200, 200, 200),
    "predicted": (96, 149, 209),
    "prompted": (226, 144, 43),
    "edited": (150, 100, 180),
    "accepted": (70, 150, 90),
    "flagged": (200, 60, 60),
}
"""RGB by status (own choice). Where there is room, the letter of the status is drawn, too: color is not enough."""

STRIP_HEIGHT_PX = 44
LETTER_WIDTH_PX = 9
LEAST_BAR = 0.15


class ReviewStrip(qt.QWidget):
    """Clicking or dragging calls ``chosen`` with the number of a frame."""

    def __init__(self, chosen):
        qt.QWidget.__init__(self)
        self._chosen = chosen
        self._entries, self._shown, self._waiting = (), 0, frozenset()
        self.setObjectName("reviewStrip")
        self.setFixedHeight(STRIP_HEIGHT_PX)
        self.setToolTip(
            "One bar for each frame, as high as its confidence: a accepted, e edited by hand, f flagged, p predicted, "
            "c prompted by clicks; a dot marks what needs review. Click to go there."
        )

    def showEntries(self, entries, shown, waiting):
        """Shows the entries of all frames; ``shown`` is the frame on screen, ``waiting`` those that need review."""
        self._entries, self._shown, self._waiting = tuple(entries), shown, frozenset(waiting)
        self.repaint()

    def frameAt(self, x):
        """The frame at ``x`` pixels from the left."""
        return min(max(int(x * len(self._entries) / max(self.width, 1)), 0), len(self._entries) - 1)

    def mousePressEvent(self, event):
        if self._entries:
            self._chosen(self.frameAt(event.pos().x()))

    def mouseMoveEvent(self, event):
        if self._entries:
            self._chosen(self.frameAt(event.pos().x()))

    def paintEvent(self, event):
        painter = qt.QPainter(self)
        across, tall = self.width, self.height
        painter.fillRect(0, 0, across, tall, qt.QColor(235, 235, 235))
        count = len(self._entries)
        for frame, entry in enumerate(self._entries):
            left, right = across * frame // count, across * (frame + 1) // count
            self._paintFrame(painter, frame, entry, left, right - left, tall)
        if count:
            left, right = across * self._shown // count, across * (self._shown + 1) // count
            pen = qt.QPen(qt.QColor(0, 0, 0))
            pen.setWidth(2)
            painter.setPen(pen)
            painter.drawRect(left + 1, 1, max(right - left - 2, 1), tall - 2)
        painter.end()

    def _paintFrame(self, painter, frame, entry, left, wide, tall):
        status = str(entry.status)
        part = 1.0 if entry.confidence is None else max(entry.confidence, LEAST_BAR)
        bar = int((tall - 8) * (LEAST_BAR if entry.mask is None else part))
        painter.fillRect(left, tall - bar, max(wide - 1, 1), bar, qt.QColor(*COLORS[status]))
        if frame in self._waiting:
            painter.fillRect(left + wide // 2 - 2, 2, 4, 4, qt.QColor(0, 0, 0))
        if wide >= LETTER_WIDTH_PX and entry.mask is not None:
            painter.setPen(qt.QColor(255, 255, 255))
            letter = "c" if status == "prompted" else status[0]
            painter.drawText(left + (wide - 7) // 2, tall - 5, letter)
