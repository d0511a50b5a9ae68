"""LeJEPA: one network, no teacher; views of a frame agree, and embeddings are spread as a Gaussian is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...frame_source import SectorFrame
from ..crop_method import CropMethod, Pair, Views
from ..dino.views import GLOBAL_COUNT, multi_crop
from ..masked_transformer import MaskedTransformer
from ..method import Timeline, embedding_spread
from ..parameter_groups import paced_groups
from .head import Projector
from .loss import agreement_loss, draw_directions, gaussian_loss
from .recipe import LeJepaRecipe


class LeJepa(CropMethod):
    """`Method` LeJEPA (Balestriero and LeCun 2025, arXiv:2511.08544, algorithm 2).

    One process learns a batch at once: the statistic of its spread and the batch norms of the projector do not
    decompose into shares.
    """

    recipe: LeJepaRecipe

    def __init__(self, recipe: LeJepaRecipe, timeline: Timeline) -> None:
        super().__init__(recipe, timeline)
        network = MaskedTransformer(
            recipe.encoder, recipe.patch, recipe.global_size, recipe.drop_path, checkpointing=recipe.checkpointing
        )
        network.hidden.requires_grad_(False)
        self.network = network
        self.projector = Projector(network.width, recipe.hidden, recipe.projection)

    @property
    def backbone(self) -> MaskedTransformer:
        """The one that is taught."""
        return self.network

    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Begins with the weights of a timm network."""
        self.network.network.load_state_dict(tensors)

    def draw(self, item: SectorFrame, rng: np.random.Generator) -> Pair:
        """Large ``uint8 [2, G, G]`` and small views of one frame."""
        return multi_crop(item.image, self.recipe, rng)

    def losses(self, views: Views, step: int) -> Mapping[str, Tensor]:
        """``loss``, its terms ``agreement`` and ``gaussian``, and how far class tokens of large views lie apart."""
        one = self.recipe
        tokens = self.network(self.input(views.large))[0]
        all_tokens = [tokens, self.network(self.input(views.small))[0]] if len(views.small) else [tokens]
        count = GLOBAL_COUNT + len(views.small)
        embeddings = self.projector(torch.cat(all_tokens)).float().unflatten(0, (count, -1))
        generator = torch.Generator().manual_seed(int(np.random.SeedSequence([one.seed, step, 3]).generate_state(1)[0]))
        directions = draw_directions(one.projection, one.directions, generator).to(embeddings.device)
        agreement, gaussian = agreement_loss(embeddings, GLOBAL_COUNT), gaussian_loss(embeddings, directions)
        loss = (1 - one.gaussian_weight) * agreement + one.gaussian_weight * gaussian
        facts = {"agreement": agreement, "gaussian": gaussian, "embedding_spread": embedding_spread(tokens)}
        return {"loss": loss, **facts}

    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW with a group for each pace."""
        groups: list[dict[str, Any]] = []
        for part, blocks in ((self.network, len(self.network.network.blocks)), (self.projector, 0)):
            for pace, parameters in paced_groups(part, blocks, self.recipe.layer_decay, self.recipe.patch_rate).items():
                groups.append({"params": parameters, "pace": (pace.rate, pace.decay)})
        return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.999), fused=True)

    def set_pace(self, optimizer: torch.optim.Optimizer, step: int) -> Mapping[str, float]:
        """Learning rate (warm-up, then cosine) and weight decay (cosine)."""
        rate, decay = self.pace(step)
        for group in optimizer.param_groups:
            pace, share = group["pace"]
            group["lr"], group["weight_decay"] = rate * pace, decay * share
        return {"learning_rate": rate, "weight_decay": decay}

    def clip_gradients(self) -> Tensor:
        """All gradients together."""
        return nn.utils.clip_grad_norm_(self.parameters(), self.recipe.clip)

    def after_step(self, step: int) -> None:
        """Nothing follows."""
