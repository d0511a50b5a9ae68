"""Training recipes: TOML files that, with the number of processes on the card, say how a run can be made again."""

from __future__ import annotations

import math
import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from ..errors import EchoApexError


@dataclass(frozen=True)
class Recipe:
    """One run. ``cases`` hearts are drawn from ``first_seed``; the learning rate warms up, holds, then falls to 0
    over the last ``decay_fraction`` of ``steps`` (warmup-stable-decay)."""

    id: str
    name: str
    preset: str
    first_seed: int
    cases: int
    frame_size: int
    encoder: str
    patch: int
    image_size: int
    steps: int
    batch: int
    prompts_per_frame: int
    learning_rate: float
    weight_decay: float
    warmup: int
    decay_fraction: float
    ema: float
    drop_path: float
    seed: int
    precision: str

    def as_dict(self) -> dict[str, object]:
        """The fields as plain data."""
        return asdict(self)


_FROM_ZERO = ("first_seed", "seed", "weight_decay", "ema", "drop_path")
_BELOW_ONE = ("ema", "drop_path")


def read_recipe(path: Path) -> Recipe:
    """The recipe in ``path``; raises `EchoApexError` naming what cannot be read, is missing, unknown or impossible."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EchoApexError("The recipe cannot be read", value=error.strerror, file=path) from None
    except ValueError as error:
        raise EchoApexError("A recipe is a TOML file in UTF-8", value=error, file=path) from None
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
    return Recipe(**data)


def _check(name: str, kind: str, value: object, path: Path) -> None:
    """Refuses a value of another type than ``kind``, or a number that no run can be made with."""
    if kind == "str":
        if not isinstance(value, str):
            raise EchoApexError(f"{name} of a recipe is a text", value=value, file=path)
        return
    # To Python True is an int, in a recipe it is not.
    if isinstance(value, bool) or not isinstance(value, int | float if kind == "float" else int):
        raise EchoApexError(f"{name} of a recipe is a number of type {kind}", value=value, file=path)
    high = 1.0 if name in (*_BELOW_ONE, "decay_fraction") else math.inf
    fits = 0 <= value < high or (name == "decay_fraction" and value == high)
    if not fits or (value == 0 and name not in _FROM_ZERO):
        raise EchoApexError(f"{name} of a recipe is out of range", value=value, file=path)
