"""Training and evaluation on simulated hearts."""

from __future__ import annotations

from typing import Any


def evaluate(*arguments: Any, **options: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """`echoapex.training.evaluate.evaluate`, imported when called: torch is heavy."""
    from .evaluate import evaluate as run

    return run(*arguments, **options)
