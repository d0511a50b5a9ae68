"""Scores a model on simulated patients: trials, tables beside a constant predictor, figures and a page."""

from __future__ import annotations

from typing import Any


def evaluate(*arguments: Any, **options: Any) -> dict[str, dict[str, dict[str, Any]]]:
    """`echoapex.evaluation.run_evaluation.evaluate`, imported when called: torch is heavy."""
    from .run_evaluation import evaluate as run

    return run(*arguments, **options)
