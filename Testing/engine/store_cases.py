"""A small untrained model, saved or installed, and ways to damage it, for the tests of the store."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch

from echoapex.models.model_card import CARD_FILE, WEIGHTS_FILE, Architecture, ModelCard, Training
from echoapex.models.preprocessing import Preprocessing
from echoapex.models.prompt_segmenter import PromptBatch, PromptSegmenter, create_segmenter

CARD = ModelCard(
    id="tiny-test",
    name="A model for tests",
    architecture=Architecture("vit_tiny", 16, 64),
    preprocessing=Preprocessing(64, mean=0.21, std=0.19),
    structures=("LV", "LA"),
    training=Training("first.toml", 7, "nothing", "none", 0.5, 0),
    simulated_only=True,
    code_license="Apache-2.0",
    weights_license="CC-BY-4.0",
    scores={"segmentation": {"dice/LV/text": {"value": 0.5, "ci": [0.4, 0.6], "constant": 0.3}}},
    created="2026-11-21T12:00:00+00:00",
    limits="For tests only.",
)


@cache
def tiny_segmenter() -> PromptSegmenter:
    torch.manual_seed(3)
    return create_segmenter("vit_tiny", 16, 64, text_count=2).eval()


def answer(model: PromptSegmenter, device: str = "cpu") -> torch.Tensor:
    prompts = PromptBatch.empty(2)
    prompts.text[:] = torch.tensor([1, 2])
    images = torch.linspace(-1, 1, 64 * 64).reshape(1, 1, 64, 64).sin()
    with torch.inference_mode():
        logits, _ = model(images.to(device), torch.zeros(2, dtype=torch.long, device=device), prompts.to(device))
    return logits.cpu()


def rewrite_card(folder: Path, **changes: object) -> None:
    data = json.loads((folder / CARD_FILE).read_text())
    data.update(changes)
    (folder / CARD_FILE).write_text(json.dumps(data))


def truncate(folder: Path) -> None:
    data = (folder / WEIGHTS_FILE).read_bytes()
    (folder / WEIGHTS_FILE).write_bytes(data[: len(data) // 2])


def replace_weights(folder: Path, tensors: dict[str, torch.Tensor] | bytes) -> None:
    """Other weights with a card that vouches for them."""
    import hashlib

    from safetensors.torch import save

    data = tensors if isinstance(tensors, bytes) else save(tensors)
    (folder / WEIGHTS_FILE).write_bytes(data)
    rewrite_card(folder, weights_sha256=hashlib.sha256(data).hexdigest())


def change_tensor(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    from safetensors.torch import load

    tensors = load((folder / WEIGHTS_FILE).read_bytes())
    change(tensors)
    replace_weights(folder, tensors)
