"""The methods by the name that a recipe gives them, and the recipes of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import EchoApexError
from ..recipe_file import parsed_toml, recipe_of
from .dino.method import Dino
from .dino.recipe import DinoRecipe
from .dinov2.method import Dinov2
from .dinov2.recipe import Dinov2Recipe
from .lejepa.method import LeJepa
from .lejepa.recipe import LeJepaRecipe
from .method import Method, Timeline
from .pretraining_recipe import PretrainingRecipe


@dataclass(frozen=True)
class MethodEntry:
    """The kind of recipe of a method, and what builds it from one."""

    recipe: type[PretrainingRecipe]
    build: Callable[[Any, Timeline], Method]


METHODS = {
    "dino": MethodEntry(DinoRecipe, Dino),
    "dinov2": MethodEntry(Dinov2Recipe, Dinov2),
    "lejepa": MethodEntry(LeJepaRecipe, LeJepa),
}


def read_pretraining_recipe(path: Path) -> PretrainingRecipe:
    """The recipe in ``path``; raises `EchoApexError` naming the file and what is unknown, missing or impossible."""
    table = parsed_toml(path)
    method = table.get("method")
    if method not in METHODS:
        raise EchoApexError(
            f"method of a recipe of pretraining is one of {', '.join(METHODS)}", value=method, file=path
        )
    try:
        return recipe_of(METHODS[method].recipe, table, path)
    except EchoApexError as refusal:
        raise type(refusal)(refusal.rule, value=refusal.value, file=path) from None


def build_method(recipe: PretrainingRecipe, timeline: Timeline) -> Method:
    """The method of a recipe with random weights."""
    return METHODS[recipe.method].build(recipe, timeline)
