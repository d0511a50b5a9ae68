"""What was tried on one simulated patient and what came out: plain records that are kept on disk and made into tables.

Lengths are in mm, times in s, EF in percent; what could not be measured is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.json_shapes import Shape, list_of, number, or_null, record, row, table_of, text, truth, whole


@dataclass(frozen=True)
class MaskTrial:
    """One structure on one frame, asked for in several ways: Dice, predicted Dice and found over true area by way, the
    border by text.

    ``arrays`` of the patient hold the truth as ``coverage`` and, cut to its box, as ``shape``, and for each structure's
    worst mask a ``picture``, under these names (None where there is none); ``cell_mm`` is the size (y, x) of a cell of
    the coverage.
    """

    view: str
    frame: int
    structure: str
    dice: dict[str, float]
    confidence: dict[str, float]
    area_ratio: dict[str, float]
    surface_mm: float
    area_mm2: float
    cell_mm: tuple[float, float]
    coverage: str
    shape: str
    picture: str | None = None


@dataclass(frozen=True)
class CarryTrial:
    """The LV shown on one frame and carried through a beat: Dice and predicted Dice on other frames, and the Dice there
    of the mask on the frame itself (``still``).

    ``way`` is how it was shown and carried. A swing is the area at end-diastole less that at end-systole, as a share of
    the first.
    """

    view: str
    way: str
    dice: list[float]
    confidence: list[float]
    still: list[float]
    found_swing: float
    true_swing: float


@dataclass(frozen=True)
class AbsentTrial:
    """A structure asked for by name where the picture shows none of it, and whether a mask came back."""

    view: str
    structure: str
    returned: bool


@dataclass(frozen=True)
class EfTrial:
    """EF by one method, estimate (or NaN) and truth in percent."""

    method: str
    estimate: float
    truth: float


@dataclass(frozen=True)
class BeatTrial:
    """One true beat of a clip and the found one that goes with it; ``found_*`` is NaN where it was missed.

    Times in s from the first frame. Both truths are spans (first, last) in which the volume stands still, so that no
    frame of them is more right than another: from the R wave to the begin of ejection, and from its end to the opening
    of the mitral valve. ``ed_s`` is NaN where the clip begins after the R wave: such a beat need not be found.
    """

    view: str
    frame_time_s: float
    ed_s: tuple[float, float]
    es_s: tuple[float, float]
    found_ed_s: float
    found_es_s: float


@dataclass(frozen=True)
class ClipBeats:
    """How many beats were found in a clip, and how many of them fit no true one."""

    view: str
    found: int
    invented: int


@dataclass(frozen=True)
class ShiftTrial:
    """Shift of a contour from one frame to the next, in mm: of the model's outline and of the truth, frame by frame."""

    view: str
    structure: str
    found_mm: list[float]
    true_mm: list[float]


@dataclass(frozen=True)
class WallTrial:
    """One linear measurement of PLAX in mm, estimate (or NaN) and truth; ``picture`` as in `MaskTrial`."""

    name: str
    estimate: float
    truth: float
    picture: str | None = None


@dataclass(frozen=True)
class LandmarkTrial:
    """One landmark on one frame: found and true place (x, y) in pixels, and the size of a pixel in mm."""

    name: str
    frame: int
    found: tuple[float, float]
    truth: tuple[float, float]
    mm_per_px: float


@dataclass(frozen=True)
class ViewTrial:
    """The view of one clip: truth (`OTHER` is no standard view), answer and its probability; ``kind`` tells OTHERs.

    ``added`` is the answer of a view head that was taught after its model, empty without one. The arrays ``embedding``
    (bytes of ``float16 [D]``) and ``pixels`` (``[32, 32]``) are the clip as its neighbors are found by, None where that
    is not tried.
    """

    truth: str
    answer: str
    probability: float
    kind: str = ""
    added: str = ""
    embedding: str | None = None
    pixels: str | None = None


@dataclass(frozen=True)
class ClickTrial:
    """One click without a structure: did its chamber come back, and did it with the prompts zeroed?"""

    view: str
    chamber: str
    returned: bool
    returned_zeroed: bool


@dataclass(frozen=True)
class RemovalTrial:
    """A negative click in ``hit``, one of two regions asked for together: see `pointing`.

    Shares of the area of each region that the mask holds, without and with the click; ``start`` is what both were
    asked for by: ``box`` or ``mask``.
    """

    view: str
    start: str
    hit: str
    other: str
    hit_before: float
    other_before: float
    hit_after: float
    other_after: float


@dataclass(frozen=True)
class HeldOutTrial:
    """A structure kept out of training: Dice by a box, after each click, and by both with the prompts zeroed."""

    view: str
    structure: str
    box: float
    clicks: list[float]
    box_zeroed: float
    clicks_zeroed: float


@dataclass(frozen=True)
class PhraseTrial:
    """A phrase, the structure it means (empty: none), the answer (empty: refused) and what is hard about it."""

    text: str
    means: str
    answer: str
    kind: str


@dataclass
class Findings:
    """All trials of one patient; ``arrays`` holds what the trials name.

    ``inside_trabeculae`` are masks of the LV beside its second truth, which leaves the trabecular layer outside.
    """

    seed: int
    masks: list[MaskTrial] = field(default_factory=list)
    inside_trabeculae: list[MaskTrial] = field(default_factory=list)
    carried: list[CarryTrial] = field(default_factory=list)
    absent: list[AbsentTrial] = field(default_factory=list)
    ef: list[EfTrial] = field(default_factory=list)
    beats: list[BeatTrial] = field(default_factory=list)
    clip_beats: list[ClipBeats] = field(default_factory=list)
    shifts: list[ShiftTrial] = field(default_factory=list)
    walls: list[WallTrial] = field(default_factory=list)
    landmarks: list[LandmarkTrial] = field(default_factory=list)
    views: list[ViewTrial] = field(default_factory=list)
    clicks: list[ClickTrial] = field(default_factory=list)
    removals: list[RemovalTrial] = field(default_factory=list)
    held_out: list[HeldOutTrial] = field(default_factory=list)
    arrays: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)

    def as_record(self) -> dict[str, Any]:
        """Everything but the arrays as plain data, empty lists left out."""
        kept = {name: [asdict(row) for row in getattr(self, name)] for name in _KINDS}
        return {"seed": self.seed} | {name: rows for name, rows in kept.items() if rows}

    @classmethod
    def from_record(cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.uint8]]) -> Findings:
        """What `as_record` gave, NaN as None; raises `ValueError` for anything else."""
        _RECORD(values, "")
        rows = {name: [_row(_KINDS[name], item) for item in values[name]] for name in values if name != "seed"}
        return cls(values["seed"], **rows, arrays=arrays)

    @property
    def array_names(self) -> set[str]:
        """The names of the arrays that the trials name."""
        masks = [*self.masks, *self.inside_trabeculae]
        names = [name for trial in masks for name in (trial.coverage, trial.shape, trial.picture)]
        names += [name for trial in self.views for name in (trial.embedding, trial.pixels)]
        return {name for name in (*names, *(trial.picture for trial in self.walls)) if name is not None}


_KINDS: dict[str, type[Any]] = {
    "masks": MaskTrial,
    "inside_trabeculae": MaskTrial,
    "carried": CarryTrial,
    "absent": AbsentTrial,
    "ef": EfTrial,
    "beats": BeatTrial,
    "clip_beats": ClipBeats,
    "shifts": ShiftTrial,
    "walls": WallTrial,
    "landmarks": LandmarkTrial,
    "views": ViewTrial,
    "clicks": ClickTrial,
    "removals": RemovalTrial,
    "held_out": HeldOutTrial,
}


_NUMBER = or_null(number())
_SHAPES: dict[str, Shape] = {
    "str": text,
    "str | None": or_null(text),
    "bool": truth,
    "int": whole(),
    "float": _NUMBER,
    "list[float]": list_of(_NUMBER),
    "dict[str, float]": table_of(_NUMBER),
    "tuple[float, float]": row(_NUMBER, _NUMBER),
}
_RECORD = record(
    {"seed": whole()},
    {
        name: list_of(record({item.name: _SHAPES[str(item.type)] for item in fields(kind)}))
        for name, kind in _KINDS.items()
    },
)


def _row(kind: type[Any], values: Mapping[str, Any]) -> Any:
    """One trial; pairs come back from JSON as lists, and what could not be measured as null."""
    return kind(**{item.name: _field(str(item.type), values[item.name]) for item in fields(kind)})


def _field(kind: str, value: Any) -> Any:
    if kind == "float":
        return _known(value)
    if kind == "dict[str, float]":
        return {name: _known(item) for name, item in value.items()}
    if kind in ("list[float]", "tuple[float, float]"):
        return [*map(_known, value)] if kind == "list[float]" else (*map(_known, value),)
    return value


def _known(value: float | None) -> float:
    return nan if value is None else value
