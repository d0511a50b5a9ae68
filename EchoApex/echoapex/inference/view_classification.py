"""The view of a clip: a few of its frames put before the view head, and no answer when in doubt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cine import Cine, FloatArray
from ..errors import ModelError
from ..models.model_card import OTHER, UNKNOWN
from .encoding import EncodedCine, encoded

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.image_encoder import Features
    from ..models.model_loading import LoadedModel

FRAMES_PER_CLIP = 8
"""Frames of a clip that are looked at (our choice: one batch of the encoder)."""

DOUBT = 0.8
"""Probability of a view that only the head taught later knows from which the model's own answer is in doubt.

Our choice: of 145 clips of the head's calibration that were named rightly none had more than 0.63; of 94 that were
taken for a view that they are not, 43 had more than this.
"""


@dataclass(frozen=True)
class ViewEstimate:
    """The view of a clip.

    ``view`` is one of the model's views, or `UNKNOWN` where the best of them has a probability below the threshold on
    the model's card. ``probability`` is that of the best view, ``probabilities`` those of all in the order of the
    card; NaN and empty for a clip that is `OTHER` by its mode, which the network was not asked about. ``reason`` is a
    sentence without its period.
    """

    view: str
    probability: float
    probabilities: Mapping[str, float]
    reason: str


@dataclass(frozen=True)
class _Head:
    """What tells views: its classes, the threshold of its card, and logits ``[B, V]`` of frames."""

    views: tuple[str, ...]
    threshold: float
    logits: Callable[[Features], Tensor]


def classify_view(
    model: LoadedModel, clip: Cine | EncodedCine, frames: int = FRAMES_PER_CLIP, *, added: bool = False
) -> ViewEstimate:
    """The view of ``clip`` from ``frames`` of its frames, evenly spread; the logits are averaged over them.

    With ``added`` the view head that was taught later tells it; else, where that head sees with `DOUBT` a view that the
    model itself does not know, it is `UNKNOWN`: the model would take it for one that it knows. An M-mode or Doppler
    clip is `OTHER` and not put before the network; a color clip is, by its gray values. Raises `ModelError` for a model
    without such a view head, and for less than one frame.
    """
    head, cine = _added_head(model) if added else _head(model), clip if isinstance(clip, Cine) else clip.cine
    if frames < 1:
        raise ModelError("A view is told from at least one frame", value=frames)
    if cine.mode.is_trace:
        return ViewEstimate(OTHER, float("nan"), {}, f"this is a {cine.mode} clip, in which no view is told")
    features = encoded(model, clip).features(frames_to_look_at(cine.frame_count, frames))
    found = _decided(head, _probabilities(head, features))
    return found if added or model.added_views is None else _doubted(found, _added_head(model), features)


def _doubted(found: ViewEstimate, added: _Head, features: Features) -> ViewEstimate:
    """What was ``found``, or `UNKNOWN` where it is a view and the ``added`` head sees one that it cannot be."""
    if found.view in (OTHER, UNKNOWN):
        return found
    by_view = dict(zip(added.views, _probabilities(added, features), strict=True))
    others = {view: probability for view, probability in by_view.items() if view not in (*found.probabilities, OTHER)}
    best = max(others, key=others.__getitem__, default=None)
    if best is None or not others[best] >= DOUBT:
        return found
    reason = f"{found.reason}, but like {best} ({others[best]:.2f}) to the head that knows more views"
    return ViewEstimate(UNKNOWN, found.probability, found.probabilities, reason)


def _head(model: LoadedModel) -> _Head:
    view = model.heads.view
    if view is None:
        raise ModelError("This model cannot tell views: it has no view head", value=model.card.id)
    return _Head(model.card.views, model.card.view_threshold, lambda features: view(features.cls))


def _added_head(model: LoadedModel) -> _Head:
    added = model.added_views
    if added is None:
        raise ModelError("This model has no view head that was taught later", value=model.card.id)
    return _Head(added.card.views, added.card.view_threshold, added.logits)


def frames_to_look_at(count: int, wanted: int) -> list[int]:
    """The middle frames of ``wanted`` equal parts of a clip, or all of its ``count`` frames."""
    parts = min(count, wanted)
    return [(2 * part + 1) * count // (2 * parts) for part in range(parts)]


def _probabilities(head: _Head, features: Features) -> list[float]:
    import torch

    with torch.inference_mode():
        found: list[float] = head.logits(features).cpu().double().mean(dim=0).softmax(dim=-1).tolist()
        return found


def _decided(head: _Head, probabilities: list[float]) -> ViewEstimate:
    threshold = head.threshold
    by_view = dict(zip(head.views, probabilities, strict=True))
    best = max(by_view, key=by_view.__getitem__)
    sure, looks = by_view[best], "none of the views known" if best == OTHER else best
    # Not "sure < threshold": what is no number is in doubt.
    if not sure >= threshold:
        return ViewEstimate(UNKNOWN, sure, by_view, f"looks most like {looks} ({sure:.2f}), below {threshold:.2f}")
    return ViewEstimate(best, sure, by_view, f"looks like {looks} ({sure:.2f})")


def calibrate_threshold(probabilities: ArrayLike, truth: ArrayLike, views: Sequence[str], lost: float = 0.03) -> float:
    """The highest threshold at which at most the share ``lost`` of the clips of known views is lost.

    ``probabilities [N, V]`` of N validation clips in the order of ``views``; ``truth [N]`` are indices into ``views``.
    Known are all views but `OTHER`. A clip of them is lost where it is taken for `OTHER` or falls below the threshold;
    0 is returned where more are taken for `OTHER` than may be lost. The rule is our choice: whatever doubt the known
    views can afford keeps out what no training showed. Raises `ModelError` when the shapes do not fit, for values that
    are no probabilities, and without any clip of a known view.
    """
    given, true = _checked(probabilities, truth, views)
    other = views.index(OTHER) if OTHER in views else -1
    known = given[true != other]
    if not len(known):
        raise ModelError("A threshold is calibrated on clips of known views, and there is none")
    sure = np.sort(np.where(known.argmax(axis=1) == other, -1.0, known.max(axis=1)))
    # A share such as 0.29 of 100 clips is 29 of them, and a digit less in floating point.
    spare = int(np.floor(lost * len(sure) + 1e-9))
    return float(max(0.0, sure[spare])) if spare < len(sure) else 1.0


def _checked(probabilities: ArrayLike, truth: ArrayLike, views: Sequence[str]) -> tuple[FloatArray, NDArray[np.int64]]:
    given, true = np.asarray(probabilities, np.float64), np.asarray(truth)
    if given.ndim != 2 or given.shape[1] != len(views) or true.shape != given.shape[:1]:
        rule = f"Calibration needs probabilities [N, {len(views)}] and the true view of each of the N clips"
        raise ModelError(rule, value=(given.shape, true.shape))
    if not (np.all(given >= 0) and np.all(given <= 1)):
        raise ModelError("Probabilities must be 0 to 1")
    if not np.all(np.isin(true, np.arange(len(views)))):
        raise ModelError(f"True views must be 0 to {len(views) - 1}", value=np.unique(true))
    return given, true.astype(np.int64)
