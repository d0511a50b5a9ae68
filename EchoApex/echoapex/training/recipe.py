"""Training recipes: TOML files that, with the number of processes on the card, say how a run can be made again."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import EchoApexError
from ..models.model_card import OTHER, check_identifier
from ..simulation.heart import Tissue
from ..simulation.presets import check_view
from .frame_shards import refuse_test_seeds
from .recipe_file import parsed_toml


@dataclass(frozen=True)
class Recipe:
    """One run. ``cases`` hearts and ``others`` pictures without one are drawn from ``first_seed``.

    ``views`` has the share of each view; ``structures`` are learned by name, ``held_out`` is never asked for, and
    ``strangers`` is the share of frames with a thing without a name. Half of what is pointed at gets up to
    ``corrections`` further clicks on the errors of the model's own answer. ``mirrored`` is the share of frames that are
    mirrored, ``tone`` how far brightness and contrast are changed (`augmentation.augment`). ``start_from`` is the model
    whose weights the run begins with, or the folder of a pretrained backbone; empty for none. ``view_loss`` and
    ``landmark_loss`` weigh the tasks beside the masks; 0 is without that head. The threshold of the views is set on
    ``calibration`` hearts next after the training seeds; ``text_steps`` train the text encoder, 0 is without. The
    learning rate warms up, holds, then falls to 0 over the last ``decay_fraction`` of ``steps`` (warmup-stable-decay).
    """

    id: str
    name: str
    preset: str
    first_seed: int
    cases: int
    others: int
    views: dict[str, float]
    structures: tuple[str, ...]
    held_out: tuple[str, ...]
    strangers: float
    corrections: int
    start_from: str
    frame_size: int
    encoder: str
    patch: int
    image_size: int
    steps: int
    batch: int
    prompts_per_frame: int
    mirrored: float
    tone: float
    learning_rate: float
    weight_decay: float
    warmup: int
    decay_fraction: float
    ema: float
    drop_path: float
    seed: int
    precision: str
    view_loss: float
    landmark_loss: float
    calibration: int
    text_steps: int

    @property
    def views_per_heart(self) -> int:
        """Each heart is drawn in one view."""
        return 1

    @property
    def masks(self) -> bool:
        """Frames come with their labels."""
        return True

    @property
    def view_classes(self) -> tuple[str, ...]:
        """Classes of the view head, empty without one."""
        if self.view_loss == 0:
            return ()
        return (*self.views, OTHER) if self.others else tuple(self.views)


_FROM_ZERO = (
    *("first_seed", "seed", "weight_decay", "ema", "drop_path", "mirrored", "tone"),
    *("others", "strangers", "corrections", "view_loss", "landmark_loss", "calibration", "text_steps"),
)
LEAST_CALIBRATION = 4
"""Hearts for the threshold of the views where pictures without one are known, too: there is one to four hearts."""

_MOST = 2**31
_BELOW_ONE = ("ema", "drop_path", "strangers", "mirrored")


def read_recipe(path: Path) -> Recipe:
    """The recipe in ``path``; raises `EchoApexError` naming what cannot be read, is missing, unknown or impossible."""
    data = parsed_toml(path)
    known = {f.name for f in fields(Recipe)}
    wrong = sorted(known ^ set(data))
    if wrong:
        raise EchoApexError(
            "A recipe has exactly the fields of Recipe; missing or unknown", value=", ".join(wrong), file=path
        )
    for field in fields(Recipe):
        _check(field.name, str(field.type), data[field.name], path)
    if data["precision"] not in ("float32", "bfloat16"):
        raise EchoApexError("Precision is float32 or bfloat16", value=data["precision"], file=path)
    _check_names(data, path)
    values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
    recipe = Recipe(**values)
    try:
        check_identifier(recipe.id)
        _check_view_head(recipe)
        first, count = recipe.first_seed, max(recipe.cases, recipe.others)
        refuse_test_seeds(range(first, first + count + recipe.calibration))
    except EchoApexError as refusal:
        raise EchoApexError(refusal.rule, value=refusal.value, file=path) from None
    return recipe


def _check_view_head(recipe: Recipe) -> None:
    """What would fail when the run is over: the threshold of the views is set, and the card written, at its end."""
    if not recipe.view_loss:
        return
    if len(recipe.view_classes) < 2:
        raise EchoApexError("A view head tells at least two views apart", value=", ".join(recipe.view_classes))
    least = LEAST_CALIBRATION if recipe.others else 1
    if recipe.calibration < least:
        rule = f"A view head needs at least {least} hearts for its calibration"
        raise EchoApexError(rule, value=recipe.calibration)


def _check_names(data: dict[str, Any], path: Path) -> None:
    """Views that can be simulated, structures with a truth, and nothing both taught and held out."""
    for name in ("structures", "held_out"):
        unknown = sorted(set(data[name]) - Tissue.__members__.keys())
        if unknown:
            raise EchoApexError(f"{name} of a recipe name tissues of the simulation", value=unknown, file=path)
        if len(set(data[name])) != len(data[name]):
            raise EchoApexError(f"{name} of a recipe name each tissue once", value=data[name], file=path)
    both = sorted(set(data["structures"]) & set(data["held_out"]))
    if both or not data["structures"]:
        raise EchoApexError("A recipe teaches at least one structure and holds out none of them", value=both, file=path)
    for view in data["views"]:
        try:
            check_view(view)
        except EchoApexError as refusal:
            raise EchoApexError(refusal.rule, value=refusal.value, file=path) from None
    if data["landmark_loss"] and "PLAX" not in data["views"]:
        raise EchoApexError("Wall landmarks are learned from PLAX, and this recipe has none", file=path)


def _check(name: str, kind: str, value: object, path: Path) -> None:
    """Refuses a value of another type than ``kind``, or a number that no run can be made with."""
    if kind.startswith("tuple"):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise EchoApexError(f"{name} of a recipe is a list of texts", value=value, file=path)
        return
    if kind.startswith("dict"):
        shares = value.values() if isinstance(value, dict) else ()
        if not shares or not all(type(share) in (int, float) and 0 < share < _MOST for share in shares):
            raise EchoApexError(f"{name} of a recipe is a table of shares above 0", value=value, file=path)
        return
    if kind == "str":
        if not isinstance(value, str):
            raise EchoApexError(f"{name} of a recipe is a text", value=value, file=path)
        return
    # To Python True is an int, in a recipe it is not.
    if isinstance(value, bool) or not isinstance(value, int | float if kind == "float" else int):
        raise EchoApexError(f"{name} of a recipe is a number of type {kind}", value=value, file=path)
    high = 1.0 if name in (*_BELOW_ONE, "decay_fraction") else _MOST
    fits = 0 <= value < high or (name == "decay_fraction" and value == high)
    if not fits or (value == 0 and name not in _FROM_ZERO):
        raise EchoApexError(f"{name} of a recipe is out of range", value=value, file=path)
