"""One clip from file to numbers: its structures outlined in every frame, and its left ventricle measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .cine import Cine
from .errors import MeasureError, ModelError
from .measure.ejection_fraction import LVResult, measure_lv
from .segmenting import Segmentation, segment_structures
from .structures import structures

if TYPE_CHECKING:
    from .models.store import LoadedModel

VIEW_STRUCTURES = {
    "A4C": ("LV", "LV_MYO", "LA", "RV", "RA"),
    "A2C": ("LV", "LV_MYO", "LA"),
}
"""What is to be seen in a view; in any other view, everything that the model knows is looked for."""

LOW_CONFIDENCE = 0.8
"""Predicted Dice below which an outline of the left ventricle is doubted (own choice)."""


@dataclass(frozen=True)
class ClipResult:
    """What was found in one clip.

    ``segmentations`` holds each structure seen in at least one frame, by identifier. ``lv`` is None where the left
    ventricle could not be measured, and ``refusal`` then says why. ``origin`` says in words where the clip comes from
    and who named its view. ``warnings`` are those of reading, outlining and measuring.
    """

    id: str
    cine: Cine
    view: str
    segmentations: Mapping[str, Segmentation]
    lv: LVResult | None
    warnings: tuple[str, ...]
    refusal: MeasureError | None = None
    origin: str = ""


def analyze_clip(
    model: LoadedModel, clip: str | Path | Cine, clip_id: str, view: str, *, origin: str = ""
) -> ClipResult:
    """Outlines the structures of ``view`` that ``model`` knows in every frame of ``clip``, and measures the clip.

    Raises `ReadError` for a file that is no cine, and `ModelError` for a model that knows none of the structures.
    """
    from .io import read_cine

    cine = clip if isinstance(clip, Cine) else read_cine(clip)
    wanted = [name for name in VIEW_STRUCTURES.get(view, model.card.structures) if name in model.card.structures]
    if not wanted:
        known = ", ".join(model.card.structures)
        raise ModelError(f"Model {model.card.id} knows nothing that is seen in {view}; it knows {known}")
    return measure_clip(cine, clip_id, view, segment_structures(model, cine, wanted, steady=True), origin=origin)


def measure_clip(
    cine: Cine, clip_id: str, view: str, segmentations: Mapping[str, Segmentation], *, origin: str = ""
) -> ClipResult:
    """Measures the left ventricle of outlines that exist already, by a model or by hand.

    Where it cannot be measured (another view, a single frame, no left ventricle) the result says why.
    """
    found = {name: item for name, item in segmentations.items() if item.masks.any()}
    lv, refusal = _measure(cine, clip_id, view, found)
    warnings = (
        *cine.warnings,
        *_view_warnings(cine, view),
        *_outline_warnings(segmentations),
        *(() if lv is None else lv.warnings),
    )
    return ClipResult(clip_id, cine, view, found, lv, tuple(dict.fromkeys(warnings)), refusal, origin)


def _measure(
    cine: Cine, clip_id: str, view: str, found: Mapping[str, Segmentation]
) -> tuple[LVResult | None, MeasureError | None]:
    ventricle, atrium = found.get("LV"), found.get("LA")
    try:
        if ventricle is None:
            raise MeasureError("There is no left ventricle in any frame")
        result = measure_lv(
            clip_id,
            view,
            ventricle.masks,
            scale=cine.scale,
            times=cine.times,
            la_masks=None if atrium is None else atrium.masks,
            r_wave_times=cine.r_wave_times,
            confidence=ventricle.confidence,
        )
    except MeasureError as refusal:
        return None, MeasureError(refusal.rule, value=refusal.value, file=cine.path)
    return result, None


def _view_warnings(cine: Cine, view: str) -> tuple[str, ...]:
    if cine.view is None or cine.view == view:
        return ()
    return (f"The file calls this view {cine.view}, and it was analyzed as {view}",)


def _outline_warnings(segmentations: Mapping[str, Segmentation]) -> Iterable[str]:
    for name, item in segmentations.items():
        title = structures()[name].name if name in structures() else name
        missing, total = int((~item.masks.any(axis=(1, 2))).sum()), len(item.masks)
        if missing:
            yield f"{title}: not found in {'any frame' if missing == total else f'{missing} of {total} frames'}"
        weakest = int(np.argmin(item.confidence))
        if name == "LV" and missing < total and item.confidence[weakest] < LOW_CONFIDENCE:
            sure = f"{item.confidence[weakest]:.2f} in frame {weakest}"
            yield f"{title}: the model is unsure of its outline (predicted Dice down to {sure})"
