"""Finds the files shipped beside the code: models, recipes, terminologies, schemas."""

from __future__ import annotations

from pathlib import Path

from .errors import EchoApexError

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "resources"
_CHECKOUT = _PACKAGE.parents[1] / "Resources"


def path(name: str) -> Path:
    """The shipped file or folder ``name`` (for example ``Recipes/first.toml``).

    Looks beside the installed package, then in a checkout; raises `EchoApexError` naming both when neither has it.
    """
    for root in (_INSTALLED, _CHECKOUT):
        if (root / name).exists():
            return root / name
    raise EchoApexError(f"Shipped file {name} is in neither {_INSTALLED} nor {_CHECKOUT}")
