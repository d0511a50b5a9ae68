"""The session of a cine for a moment: that of whoever works on it, or one that is begun and closed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from echoapex.models.installed_models import find_model
from echoapex.models.model_card import read_card
from echoapex.session.state import SessionState

from ..cine.cineFromBrowser import cineOf
from ..sliceView.redSliceSetup import hideUnlessShown
from .sessionSaveAndRestore import restoreState
from .sessionScene import SessionScene, openSession
from .startFromAnalysis import takeAnalyzed


@contextmanager
def borrowedSession(scene: Any, browser: Any, rater: str = "") -> Iterator[SessionScene]:
    """The session of the cine of ``browser``; where there is none, it begins with what an analysis has found there.

    Raises `EchoApexError` where there is no model, or session or record are damaged.
    """
    found = openSession(browser)
    if found is not None:
        yield found
        return
    card = read_card(find_model())
    state = restoreState(browser, card, rater)
    if state is None:
        state = SessionState(card, cineOf(browser), rater=rater)
        takeAnalyzed(browser, state)
    own = SessionScene(scene, browser, state)
    try:
        yield own
    finally:
        own.close()
        hideUnlessShown(scene, browser)
