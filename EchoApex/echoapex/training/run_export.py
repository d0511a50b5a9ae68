"""Exports the backbone that a run has taught so far, from one of its checkpoints."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import EchoApexError
from ..io.json_shapes import check_shape, record, text, truth, whole
from ..models.model_card import Training
from ..models.pretrained_backbone import BackboneCard, save_backbone
from .checkpoints import NOT_OURS, foreign, read_learned
from .methods.method import Method, Timeline
from .methods.pretraining_recipe import PretrainingRecipe
from .methods.registry import build_method, material_of, read_pretraining_recipe
from .run_folder import ENVIRONMENT_FILE, EXPORTED, RECIPE_FILE, checkpoint_of, read_environment, read_state
from .run_metrics import latest_looks

BACKBONE = "backbone"
LAST, BEST = CHOICES = ("last", "best")
LIMITS = (
    "A backbone taught without labels: it measures nothing by itself, and has been validated on no real echo. "
    "Not a medical device."
)
_SOURCE = record({"name": text, "items": whole(), "simulated": truth})
_START = record({"device": text, "processes": whole(1), "source": _SOURCE}, more_allowed=True)


def export_backbone(run: Path, which: str = LAST, target: Path | None = None) -> Path:
    """Writes the teacher's backbone of the ``last`` or the ``best`` checkpoint, with its card, to ``target``.

    By default that is ``exported/backbone`` in the run, where it is also at its end. Gives back the folder.
    """
    recipe = read_pretraining_recipe(run / RECIPE_FILE)
    state = read_state(run)
    file = checkpoint_of(run, state.best_checkpoint if which == BEST else state.last_checkpoint)
    if file is None:
        raise EchoApexError(f"This run has no {which} checkpoint yet", file=run)
    learned = read_learned(file)
    method = build_method(recipe, Timeline(1, 1))
    try:
        method.load_state_dict(learned["learner"]["method"])
    except NOT_OURS as error:
        raise foreign(file, error) from None
    card = _card(run, recipe, method, learned)
    folder = target or run / EXPORTED / BACKBONE
    save_backbone(folder, method.backbone.network, card)
    return folder


def _card(run: Path, recipe: PretrainingRecipe, method: Method[Any, Any, Any], learned: dict[str, Any]) -> BackboneCard:
    start = _last_start(run)
    source, step = start["source"], learned["step"]
    seen = next((facts for facts in latest_looks(run) if facts.pop("step") <= step), {})
    return method.card(
        id=recipe.id,
        name=recipe.name,
        method=recipe.method,
        training=Training(
            recipe=f"{recipe.id}.toml",
            seed=recipe.seed,
            data=f"{source['name']}: {source['items']:,} {material_of(recipe).unit}, without labels"
            + (f"; started from {recipe.init_from}" if recipe.init_from else ""),
            hardware=f"{start['device']}, {recipe.precision}, processes: {start['processes']}",
            hours=round(learned["seconds"] / 3600, 2),
            frames_seen=step * recipe.batch * method.frames_of_item,
        ),
        simulated_only=source["simulated"] and not recipe.init_from,
        code_license="Apache-2.0",
        weights_license="Apache-2.0" if not recipe.init_from else "as that of the weights it started from",
        scores={source["name"]: {"probe": {name: {"value": value} for name, value in seen.items()}}},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        limits=LIMITS,
    )


def _last_start(run: Path) -> dict[str, Any]:
    """What was noted when the run was last started: device, processes and source."""
    starts = read_environment(run)["starts"]
    start: dict[str, Any] = starts[-1] if starts else {}
    check_shape(start, _START, "The environment of a run tells what it was started with", file=run / ENVIRONMENT_FILE)
    return start
