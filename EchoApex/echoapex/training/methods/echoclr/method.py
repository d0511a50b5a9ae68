"""EchoCLR: an encoder of clips that is taught which are of one study, and in which order their frames are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ....models.clip_encoder import STRIDE, ClipEncoder
from ....models.model_card import Architecture
from ....models.preprocessing import Preprocessing
from ....models.pretrained_backbone import BackboneCard, ClipBackboneCard
from ...clip_source import SectorStudy
from ..method import Method, Timeline, embedding_spread
from .heads import order_head, projector
from .loss import counterparts_found, nt_xent
from .recipe import CLIP_FRAMES, EchoClrRecipe
from .views import ClipPair, ClipViews, draw_pair, squared, windows

_EMBEDDED_AT_ONCE, _WINDOWS = 32, 3


class EchoClr(Method[SectorStudy, ClipPair, ClipViews]):
    """`Method` EchoCLR (Holste et al. 2022); ``network`` is the encoder.

    A batch is learned at once by one process: its studies are told from each other.
    """

    frames_of_item = 2 * CLIP_FRAMES
    recipe: EchoClrRecipe

    def __init__(self, recipe: EchoClrRecipe, timeline: Timeline) -> None:
        # Each clip is spread from 0 to 1 by itself.
        super().__init__(recipe, timeline, Preprocessing(recipe.clip_size, mean=0.0, std=1.0))
        self.network = ClipEncoder(recipe.encoder)
        width = self.network.num_features
        self.projector = projector(width, recipe.hidden, recipe.projection)
        self.order = order_head(width) if recipe.order_weight else None

    @property
    def backbone(self) -> EchoClr:
        """Itself, for its ``network``."""
        return self

    @property
    def architecture(self) -> Architecture:
        """The encoder's, at the size of its clips."""
        return Architecture(self.recipe.encoder, STRIDE, self.recipe.clip_size)

    def card(self, **facts: Any) -> BackboneCard:
        """The card of an encoder of clips."""
        return ClipBackboneCard(
            architecture=self.architecture, preprocessing=self.preprocessing, frames=CLIP_FRAMES, **facts
        )

    def compiled(self) -> Sequence[nn.Module]:
        """The encoder."""
        return [self.network]

    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Begins with the weights of an encoder of clips, torchvision's among them."""
        self.network.load_state_dict(tensors)

    def draw(self, item: SectorStudy, rng: np.random.Generator) -> ClipPair:
        """Two clips of a study."""
        return draw_pair(item, self.recipe, rng)

    def collate(self, drawn: Sequence[ClipPair], seed: int, part: int = 0, parts: int = 1) -> ClipViews:  # noqa: ARG002
        """The pairs of a batch as one."""
        numbers: dict[tuple[str, str], int] = {}
        studies = [numbers.setdefault(pair.study, len(numbers)) for pair in drawn]
        clips, orders = (np.stack([getattr(pair, name) for pair in drawn], 1) for name in ("clips", "orders"))
        return ClipViews(clips, orders, np.array(studies, np.int64))

    def input(self, clips: NDArray[np.uint8]) -> Tensor:
        """Clips ``uint8 [N, T, S, S]`` as the network's input ``[N, 1, T, S, S]``, each spread from 0 to 1."""
        gray = torch.from_numpy(clips)[:, None].to(self.device).float()
        least, most = gray.amin((1, 2, 3, 4), keepdim=True), gray.amax((1, 2, 3, 4), keepdim=True)
        return (gray - least) / (most - least).clamp(min=1.0)

    def losses(self, views: ClipViews, step: int) -> Mapping[str, Tensor]:  # noqa: ARG002 - the same at every step.
        """``loss`` and its terms ``contrast`` and ``order``, unweighted; how many studies and orders are found."""
        features = self.network(self.input(views.clips.reshape(-1, *views.clips.shape[2:])))
        one, two = self.projector(features).chunk(2)
        studies = torch.from_numpy(views.studies).to(self.device)
        contrast = nt_xent(one, two, self.recipe.temperature, studies)
        facts = {"contrast": contrast, "studies_found": counterparts_found(one, two, studies)}
        loss = contrast
        if self.order is not None:
            asked = torch.from_numpy(views.orders).flatten().to(self.device)
            told = self.order(features).float()
            order = functional.cross_entropy(told, asked)
            loss = loss + self.recipe.order_weight * order
            facts |= {"order": order, "orders_found": (told.argmax(1) == asked).float().mean()}
        return {"loss": loss, **facts, "embedding_spread": embedding_spread(features)}

    @torch.no_grad()
    def embed(self, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Features ``[N, D]`` on the CPU of clips ``uint8 [T, H, W]``: the mean over parts spread over each."""
        parts, owners = [], []
        for number, clip in enumerate(pictures):
            every = windows(len(clip), self.recipe.frame_step)
            for place in np.unique(np.linspace(0, len(every) - 1, _WINDOWS).astype(int)):
                parts.append([squared(clip[frame], self.recipe.clip_size) for frame in every[place]])
                owners.append(number)
        stacks = (
            np.array(parts[start : start + _EMBEDDED_AT_ONCE]) for start in range(0, len(parts), _EMBEDDED_AT_ONCE)
        )
        features = torch.cat([self.network(self.input(stack)).float().cpu() for stack in stacks])
        owner = torch.tensor(owners)
        total = torch.zeros(len(pictures), features.shape[1]).index_add_(0, owner, features)
        return total / torch.bincount(owner, minlength=len(pictures))[:, None]

    def optimizer(self) -> torch.optim.Optimizer:
        """Adam (Kingma and Ba 2015), with decoupled weight decay of kernels where the recipe has one."""
        kernels = [p for p in self.parameters() if p.ndim > 1]
        others = [p for p in self.parameters() if p.ndim <= 1]
        groups = [{"params": kernels, "decayed": True}, {"params": others, "decayed": False}]
        return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.999), fused=True)

    def set_pace(self, optimizer: torch.optim.Optimizer, step: int) -> Mapping[str, float]:
        """Learning rate (warm-up, then cosine) and weight decay (cosine)."""
        rate, decay = self.pace(step)
        for group in optimizer.param_groups:
            group["lr"], group["weight_decay"] = rate, decay if group["decayed"] else 0.0
        return {"learning_rate": rate, "weight_decay": decay}

    def clip_gradients(self) -> Tensor:
        """All gradients together."""
        return nn.utils.clip_grad_norm_(self.parameters(), self.recipe.clip)

    def after_step(self, step: int) -> None:
        """Nothing follows."""
