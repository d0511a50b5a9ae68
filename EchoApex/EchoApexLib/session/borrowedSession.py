"""The session of a cine for a moment: that of whoever works on it, or one that is begun and closed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from echoapex.session.state import SessionState

from ..cine.cineFromBrowser import cineOf
from ..sliceView.redSliceSetup import hideUnlessShown
from ..userSettings import UserSettings
from .sessionSaveAndRestore import restoreState
from .sessionScene import SessionScene, openSession
from .startFromAnalysis import takeAnalyzed


@contextmanager
def borrowedSession(scene: Any, browser: Any, settings: UserSettings) -> Iterator[SessionScene]:
    """The session of the cine of ``browser``; where there is none, it begins with what an analysis has found there.

    It is then one with the model of the ``settings``, and by their rater.

    Raises `EchoApexError` where there is no model, or session or record are damaged.
    """
    found = openSession(browser)
    if found is not None:
        yield found
        return
    card = settings.modelCard()
    state = restoreState(browser, card, settings.rater)
    if state is None:
        state = SessionState(card, cineOf(browser), rater=settings.rater)
        takeAnalyzed(browser, state)
    own = SessionScene(scene, browser, state)
    try:
        yield own
    finally:
        own.close()
        hideUnlessShown(scene, browser)
