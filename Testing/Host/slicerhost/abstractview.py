"""What slice and plot views have in common: a VTK picture that is drawn again soon after something changed."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .blit import BlitWidget
from .widgets_qmrml import qMRMLWidget


class ctkVTKAbstractView(QtWidgets.QWidget):
    """A widget that draws once for all changes made before Qt's loop turns; not while rendering is paused."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._paused, self._wanted = 0, False
        self._screen = BlitWidget(self)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._screen)
        self._timer = QtCore.QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.forceRender)
        slicer.app.renderPaused.connect(self.setRenderPaused)

    def VTKWidget(self) -> QtWidgets.QWidget:
        return self._screen

    def renderWindow(self) -> Any:
        return self._screen.renderWindow

    def interactor(self) -> Any:
        return self._screen.interactor

    def interactorStyle(self) -> Any:
        return self._screen.interactor.GetInteractorStyle()

    def scheduleRender(self) -> None:
        if self._paused:
            self._wanted = True
        elif not self._timer.isActive():
            self._timer.start(0)

    def forceRender(self) -> None:
        self._timer.stop()
        if self._paused:
            self._wanted = True
        else:
            self._screen.renderWindow.Render()

    def pauseRender(self) -> None:
        self._paused += 1

    def resumeRender(self) -> None:
        self._paused = max(0, self._paused - 1)
        if self._wanted and not self._paused:
            self._wanted = False
            self.scheduleRender()

    def setRenderPaused(self, paused: bool) -> None:
        self.pauseRender() if paused else self.resumeRender()


class qMRMLAbstractViewWidget(qMRMLWidget):
    """A view with the bar above it."""

    def viewWidget(self) -> QtWidgets.QWidget:
        return self._view

    def controllerWidget(self) -> QtWidgets.QWidget:
        return self._controller

    def pauseRender(self) -> None:
        self._view.pauseRender()

    def resumeRender(self) -> None:
        self._view.resumeRender()

    def setRenderPaused(self, paused: bool) -> None:
        self._view.setRenderPaused(paused)
