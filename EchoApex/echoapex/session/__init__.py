"""Interactive work on one cine: prompts, masks, review, undo, and what a model is asked for them."""

from .session import Session

__all__ = ["Session"]
