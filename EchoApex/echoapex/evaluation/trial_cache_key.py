"""What trials depend on, as a short text: trials that are kept are used again only where nothing of it has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from ..models.model_card import ModelCard
from ..models.view_head_card import ViewHeadCard
from .trials.simulated_patients import Acquisition

_ENGINE = Path(__file__).parents[1]
_ROOMS = ("analysis", "evaluation/trials", "inference", "io", "measure", "models", "simulation")
_FILES = (
    *("cine.py", "landmarks.py", "limits.py", "prompts.py", "structures.py", "report/outline_paths.py"),
    *("training/prompt_sampling.py", "training/unknown_objects.py"),
    *("evaluation/bootstrap_scores.py", "evaluation/mean_shape_in_box.py", "evaluation/trial_types.py"),
)


def trials_key(
    card: ModelCard,
    preset: str,
    held_out: Sequence[str],
    acquisition: Acquisition,
    added: ViewHeadCard | None = None,
) -> str:
    """A folder name for the trials of one model; changes with its card or weights, those of a view head that was
    ``added``, the hearts, pictures and code.
    """
    # Scores are written onto the card by evaluating.
    described = replace(card, scores={}).to_json()
    setting = repr((sorted(held_out), sorted(asdict(acquisition).items())))
    if added is not None:
        described += added.to_json()
    return f"{preset}-{_digest([described.encode()])}-{_digest([setting.encode()])}-{_code()}"


@cache
def _code() -> str:
    """Digest of the source that trials are made by; line ends do not count."""
    return _digest(file.read_text(encoding="utf-8").encode() for file in _sources())


def _sources() -> list[Path]:
    rooms = [file for name in _ROOMS for file in sorted((_ENGINE / name).glob("*.py"))]
    return [*rooms, *(_ENGINE / name for name in _FILES)]


def _digest(parts: Iterable[bytes]) -> str:
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:12]
