"""The network of a view head that reads a frozen encoder, and how it is kept and loaded (`view_head_card`)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import ModelError
from ..io.safe_files import write_atomically
from .image_encoder import EMBEDDING_CHANNELS, Features
from .model_card import ModelCard
from .view_head_card import VIEW_HEAD_CARD_FILE, VIEW_HEAD_WEIGHTS_FILE, ViewHeadCard, read_view_head_card
from .weights_files import read_tensors


class AddedViewHead(nn.Module):
    """One hidden layer on what `pooled` gives of ``Features``: to logits ``[B, V]``; a clip's are the mean over frames.

    ``cls_width`` is that of the class token.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, cls_width: int, views: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        width = cls_width + 2 * EMBEDDING_CHANNELS
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.layers = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, views)
        )

    @staticmethod
    def pooled(features: Features) -> Tensor:
        """Numbers ``[B, N]``: the class token, and mean and highest value of each channel of the embedding."""
        embedding = features.embedding
        return torch.cat([features.cls, embedding.mean((2, 3)), embedding.amax((2, 3))], dim=1)

    def forward(self, numbers: Tensor) -> Tensor:
        """Logits of what `pooled` gave."""
        found: Tensor = self.layers((numbers - self.mean) * self.scale)
        return found


@dataclass(frozen=True)
class AddedViews:
    """A view head that was taught after its model, and its card."""

    head: AddedViewHead
    card: ViewHeadCard

    def logits(self, features: Features) -> Tensor:
        """Logits ``[B, V]`` of frames, in the order of the card's views."""
        found: Tensor = self.head(self.head.pooled(features))
        return found


def save_added_views(folder: Path, head: AddedViewHead, card: ViewHeadCard) -> ViewHeadCard:
    """Writes a head in half precision and its card beside its model; gives back the card with the weights' hash."""
    from safetensors.torch import save

    data = save({name: value.detach().cpu().half().contiguous() for name, value in head.state_dict().items()})
    complete = replace(card, weights_sha256=hashlib.sha256(data).hexdigest())
    try:
        # The card goes last: cut short in between, the old card refuses the new weights.
        write_atomically(folder / VIEW_HEAD_WEIGHTS_FILE, data)
        write_atomically(folder / VIEW_HEAD_CARD_FILE, complete.to_json().encode())
    except OSError as error:
        raise ModelError("The view head cannot be written here", value=error.strerror, file=folder) from None
    return complete


def load_added_views(folder: Path, model: ModelCard, cls_width: int, device: torch.device) -> AddedViews | None:
    """The view head beside a ``model``, in evaluation mode; None where there is none.

    Raises `ModelError` where it is damaged, or was taught on other weights than those of the model.
    """
    card = read_view_head_card(folder)
    if card is None:
        return None
    if card.model_sha256 != model.weights_sha256:
        rule = f"The view head beside this model was taught on another one, {card.model}; take it away"
        raise ModelError(rule, value=card.model_sha256[:12], file=folder / VIEW_HEAD_CARD_FILE)
    head = AddedViewHead(cls_width, len(card.views), card.hidden)
    head.load_state_dict(read_tensors(folder / VIEW_HEAD_WEIGHTS_FILE, card.weights_sha256, head.state_dict()))
    return AddedViews(head.to(device).eval(), card)
