"""What persons had decided about a clip when a report was made, brought back into a scene as what it is."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from echoapex.analysis.clip_corrections import ClipCorrections
from echoapex.models.model_card import ModelCard
from echoapex.session.frame_entries import Entry, PackedMask, Status
from echoapex.session.state import SessionState

from ..cine.cineFromBrowser import cineOf
from ..cine.echoViewLabel import setViewOf
from ..measurements.phasesByHand import keepPhases
from ..record.decisions import Decisions, keepDecisions
from ..record.raters import keepRaters
from ..record.studyContents import SceneClip
from ..session.sessionSaveAndRestore import SessionRecord
from ..session.sessionScene import SessionScene
from ..session.startFromAnalysis import ownMasks
from ..walls.wallsByHand import keepWalls
from .gatheredCorrections import isByHand

StateSteps = Generator[None, None, SessionState | None]


def stateSteps(clip: SceneClip, found: ClipCorrections, card: ModelCard) -> StateSteps:
    """The session of a ``clip`` that is not in a scene yet, frame by frame; None where no mask was by hand.

    What the analysis has found elsewhere are predictions in it.
    """
    if not found.entries:
        return None
    entries = dict(found.entries)
    for structure, one in clip.segmentations.items():
        for frame, mask in enumerate(one.masks):
            predicted = Entry(PackedMask.of(mask), float(one.confidence[frame]), Status.PREDICTED)
            entries.setdefault((structure, frame), predicted)
            yield
    state = SessionState(card, clip.cine)
    state.begin(entries)
    return state


def bringBack(scene: Any, browser: Any, found: ClipCorrections, state: SessionState | None) -> None:
    """Lets a clip that is in ``scene`` since a moment have what was ``found``; ``state`` is that of `stateSteps`.

    Raises `EchoApexError` where it cannot be in a scene.
    """
    _bringDecisions(browser, found)
    if state is not None:
        ownMasks(browser, state)
        SessionRecord(scene, browser, state)


def bringBackInto(session: SessionScene, found: ClipCorrections) -> None:
    """As `bringBack`, for a clip that was in the scene before, unless somebody has drawn anything there.

    Masks are steps that can be undone.
    """
    session.readEdits()
    if isByHand(session.state):
        return
    _bringDecisions(session.browser, found)
    session.takeByHand(found.entries)


def _bringDecisions(browser: Any, found: ClipCorrections) -> None:
    keepDecisions(browser, Decisions(found.excluded, found.excluded_beats, found.confirmed_values))
    keepRaters(browser, found.rater)
    if found.view is not None:
        setViewOf(browser, found.view)
    if found.phases is not None:
        keepPhases(browser, found.phases)
    if found.walls:
        keepWalls(browser, cineOf(browser), found.walls)
