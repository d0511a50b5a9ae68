"""Recipes of view heads: TOML files that, with the model they name, say how a head can be made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ...errors import EchoApexError
from ...models.model_card import OTHER, check_identifier
from ...simulation.presets import PRESETS
from ...simulation.view_planes import VIEWS
from ..frame_shards import refuse_test_seeds
from ..recipe_file import parsed_toml, recipe_of

INSIDE = {"TEE": 0.5, "ICE": 0.5}
"""Pictures by probes within the body are shown as `OTHER`, these two alike (our choice)."""


@dataclass(frozen=True)
class ViewHeadRecipe:
    """One head on the encoder of ``model``. ``hearts`` of ``preset`` from ``first_seed`` on are seen in
    ``views_per_heart`` of all views; ``others`` pictures without a heart and ``inside`` ones by probes within the body
    are `OTHER`.

    Each frame is encoded ``copies`` times, changed by ``mirrored`` and ``tone`` as in `augmentation.augment`. The head
    has a layer of ``hidden`` units; the threshold is set on ``calibration`` hearts next after those that are learned
    from, and as large a share of other pictures.
    """

    id: str
    name: str
    model: str
    preset: str
    first_seed: int
    hearts: int
    views_per_heart: int
    others: int
    inside: int
    calibration: int
    frame_size: int = 224
    copies: int = 2
    mirrored: float = 0.03
    tone: float = 1.0
    hidden: int = 256
    dropout: float = 0.3
    epochs: int = 8
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        check_identifier(self.id)
        if self.preset not in PRESETS:
            raise EchoApexError(f"A preset is one of {', '.join(PRESETS)}", value=self.preset)
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), _RANGES.get(field.name, (0.0, float(2**31)))
            if isinstance(value, int | float) and not low <= value <= high:
                raise EchoApexError(f"{field.name} of a recipe lies from {low:g} to {high:g}", value=value)
        refuse_test_seeds(range(self.first_seed, self.last_seed))

    @property
    def classes(self) -> tuple[str, ...]:
        """What the head tells apart."""
        return (*VIEWS, OTHER)

    @property
    def last_seed(self) -> int:
        """The seed after the last one that is used."""
        return (
            self.first_seed + max(self.hearts, self.others) + max(self.calibration, self.calibration_share(self.others))
        )

    def calibration_share(self, count: int) -> int:
        """How many of ``count`` pictures there are for the threshold."""
        return max(1, round(count * self.calibration / self.hearts))


_RANGES: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("hearts", "others", "inside", "calibration", "copies", "epochs", "batch"), (1.0, float(2**31))),
    **dict.fromkeys(("mirrored",), (0.0, 1.0)),
    "views_per_heart": (1.0, float(len(VIEWS))),
    "frame_size": (48.0, 1024.0),
    "tone": (0.0, 10.0),
    "hidden": (1.0, 4096.0),
    "dropout": (0.0, 0.95),
    "learning_rate": (1e-12, 1e3),
}


@dataclass(frozen=True)
class HeadDrawing:
    """What frames of a head are drawn from: a `Drawing` of so many hearts and other pictures from a seed on."""

    preset: str
    first_seed: int
    cases: int
    others: int
    frame_size: int
    views_per_heart: int
    masks: bool = False

    @property
    def views(self) -> Mapping[str, float]:
        """All views alike."""
        return dict.fromkeys(VIEWS, 1.0)


def drawings(recipe: ViewHeadRecipe) -> tuple[HeadDrawing, HeadDrawing]:
    """What is learned from, and what the threshold is set on; no seed is in both."""
    size, views = recipe.frame_size, recipe.views_per_heart
    learned = HeadDrawing(recipe.preset, recipe.first_seed, recipe.hearts, recipe.others, size, views)
    first = recipe.first_seed + max(recipe.hearts, recipe.others)
    others = recipe.calibration_share(recipe.others)
    return learned, replace(learned, first_seed=first, cases=recipe.calibration, others=others)


def read_view_head_recipe(path: Path) -> ViewHeadRecipe:
    """The recipe in ``path``; raises `EchoApexError` naming what is unknown, missing or impossible."""
    try:
        return recipe_of(ViewHeadRecipe, parsed_toml(path), path)
    except EchoApexError as refusal:
        raise EchoApexError(refusal.rule, value=refusal.value, file=path) from None
