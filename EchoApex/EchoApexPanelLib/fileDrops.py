"""Files and folders that are dropped on a panel."""

import qt


class FileDrops(qt.QObject):
    """Calls ``opened`` with the paths of what is dropped on ``widget``, until `close`."""

    def __init__(self, widget, opened):
        qt.QObject.__init__(self)
        self._widget, self._opened = widget, opened
        widget.setAcceptDrops(True)
        widget.installEventFilter(self)

    def eventFilter(self, watched, event):
        kind = event.type()
        if kind in (qt.QEvent.DragEnter, qt.QEvent.DragMove, qt.QEvent.Drop) and event.mimeData().hasUrls():
            event.acceptProposedAction()
            if kind == qt.QEvent.Drop:
                paths = [url.toLocalFile() for url in event.mimeData().urls()]
                # After the drop: whoever dropped waits for it to end.
                qt.QTimer.singleShot(0, lambda: self._opened([path for path in paths if path]))
            return True
        return False

    def close(self):
        """Takes nothing any more."""
        self._widget.removeEventFilter(self)
        self._widget.setAcceptDrops(False)
