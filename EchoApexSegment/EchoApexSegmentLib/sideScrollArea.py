"""A place for a widget that is wider than the panel: it scrolls sideways, and the panel keeps its width."""

import qt


class SideScrollArea(qt.QScrollArea):
    """Shows ``content`` in its full height and in the width that there is."""

    def __init__(self, content):
        qt.QScrollArea.__init__(self)
        self.setFrameShape(qt.QFrame.NoFrame)
        self.setWidgetResizable(True)
        self.setVerticalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        # A section is as wide as its contents would like to be.
        self.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)
        self._content = content
        self.setWidget(content)
        content.installEventFilter(self)
        self._fit()

    def eventFilter(self, watched, event):
        """Follows the height of the content, which changes with what is chosen in it, and with the width there is."""
        # Events of the scroll bars come here, too.
        if event.type() in (qt.QEvent.LayoutRequest, qt.QEvent.Resize):
            self._fit()
        return qt.QScrollArea.eventFilter(self, watched, event)

    def _fit(self):
        content = self._content
        width = max(content.minimumSizeHint.width(), self.viewport().width)
        # The second is -1 where no text in it is broken into lines.
        height = max(content.sizeHint.height(), content.heightForWidth(width))
        height += self.horizontalScrollBar().sizeHint.height()
        if height != self.minimumHeight:
            self.setFixedHeight(height)
