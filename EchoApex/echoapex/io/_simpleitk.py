"""SimpleITK for typed code; it has no annotations of its own."""

from __future__ import annotations

from typing import Any


def simpleitk() -> Any:
    """The module SimpleITK, imported when first needed."""
    import SimpleITK

    return SimpleITK
