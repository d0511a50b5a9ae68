"""Training recipes: TOML files that say everything a run needs to be made again."""

from __future__ import annotations

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
        """Plain data, for the model card."""
        return asdict(self)


def read_recipe(path: Path) -> Recipe:
    """The recipe in ``path``; raises `EchoApexError` naming what is missing or unknown."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    known = {f.name for f in fields(Recipe)}
    wrong = sorted(known ^ set(data))
    if wrong:
        raise EchoApexError(
            "A recipe has exactly the fields of Recipe; missing or unknown", value=", ".join(wrong), file=path
        )
    recipe = Recipe(**data)
    if recipe.precision not in ("float32", "bfloat16"):
        raise EchoApexError("Precision is float32 or bfloat16", value=recipe.precision, file=path)
    return recipe
