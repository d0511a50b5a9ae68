"""The view of a clip, and who named it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from ..cine import Cine
from ..inference.view_classification import ViewEstimate
from ..inference.view_outlines_landmarks import Observer
from ..models.model_card import OTHER, UNKNOWN

_OF_HEADER = "The view is that of the file's header"


class ViewSource(StrEnum):
    """Who named the view of a clip."""

    USER = "user"
    RECOGNIZED = "recognized"
    HEADER = "header"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class FoundView:
    """The view of a clip, who named it, and how probable the recognized one is; ``reason`` explains `UNKNOWN`."""

    name: str
    source: ViewSource = ViewSource.USER
    probability: float | None = None
    reason: str = ""
    warnings: tuple[str, ...] = ()


def find_view(observer: Observer, cine: Cine, given: str | None = None) -> FoundView:
    """The view of ``cine``: ``given`` by the user, or recognized from the pixels, or named in the file's header.

    The header counts where the observer recognizes no views, or abstains, and where it names a view that the observer
    cannot know: whatever is recognized instead is another one.
    """
    if given is not None:
        return FoundView(given, warnings=contradiction(cine, given, "analyzed as"))
    if cine.mode.is_trace:
        return FoundView(cine.view or OTHER, ViewSource.UNKNOWN if cine.view is None else ViewSource.HEADER)
    estimate = observer.view()
    if estimate is not None and cine.view is not None and estimate.probabilities and cine.view not in _known(estimate):
        return FoundView(cine.view, ViewSource.HEADER, warnings=(f"{_OF_HEADER}: the model does not know it",))
    if estimate is not None and estimate.view != UNKNOWN:
        probability = estimate.probability if math.isfinite(estimate.probability) else None
        warnings = contradiction(cine, estimate.view, "recognized as")
        return FoundView(estimate.view, ViewSource.RECOGNIZED, probability, estimate.reason, warnings)
    if cine.view is not None:
        doubts = () if estimate is None else (f"{_OF_HEADER}: it {estimate.reason}",)
        return FoundView(cine.view, ViewSource.HEADER, warnings=doubts)
    if estimate is None:
        return FoundView(UNKNOWN, ViewSource.UNKNOWN, reason="the model recognizes no views and the file names none")
    return FoundView(UNKNOWN, ViewSource.UNKNOWN, estimate.probability, estimate.reason)


def _known(estimate: ViewEstimate) -> set[str]:
    return set(estimate.probabilities) - {OTHER}


def contradiction(cine: Cine, view: str, words: str) -> tuple[str, ...]:
    """A warning where the file's header names another view; ``words`` say how this one came about."""
    if cine.view is None or cine.view == view:
        return ()
    return (f"The file calls this view {cine.view}, and it was {words} {view}",)
