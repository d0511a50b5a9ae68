"""The methods by the name that a recipe gives them, and the recipes of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import EchoApexError
from ..recipe_file import parsed_toml, recipe_of
from .dino.method import Dino
from .dino.recipe import DinoRecipe
from .dinov2.method import Dinov2
from .dinov2.recipe import Dinov2Recipe
from .echoclr.method import EchoClr
from .echoclr.recipe import EchoClrRecipe
from .lejepa.method import LeJepa
from .lejepa.recipe import LeJepaRecipe
from .material import FRAMES, STUDIES, Material
from .method import Method, Timeline
from .pretraining_recipe import PretrainingRecipe


@dataclass(frozen=True)
class MethodEntry:
    """A ``method``, which is built from a recipe of its kind and a `Timeline`, and what it is taught by."""

    recipe: type[PretrainingRecipe]
    method: type[Method[Any, Any, Any]]
    material: Material


METHODS = {
    "dino": MethodEntry(DinoRecipe, Dino, FRAMES),
    "dinov2": MethodEntry(Dinov2Recipe, Dinov2, FRAMES),
    "lejepa": MethodEntry(LeJepaRecipe, LeJepa, FRAMES),
    "echoclr": MethodEntry(EchoClrRecipe, EchoClr, STUDIES),
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


def build_method(recipe: PretrainingRecipe, timeline: Timeline) -> Method[Any, Any, Any]:
    """The method of a recipe with random weights."""
    build: Any = METHODS[recipe.method].method
    built: Method[Any, Any, Any] = build(recipe, timeline)
    return built


def material_of(recipe: PretrainingRecipe) -> Material:
    """What the method of a recipe is taught by."""
    return METHODS[recipe.method].material
