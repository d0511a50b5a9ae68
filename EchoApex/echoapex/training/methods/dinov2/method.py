"""DINOv2: DINO between views, iBOT between patches, KoLeo between frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import torch
from torch import Tensor, nn

from ..dino.head import ProjectionHead
from ..dino.loss import Center, view_loss
from ..dino.method import Dino, target_facts
from ..dino.views import GLOBAL_COUNT
from ..method import Pair, Timeline, Views
from .koleo import koleo_loss
from .masks import draw_masks, patch_weights
from .patch_loss import patch_loss
from .recipe import SINKHORN, Dinov2Recipe
from .sinkhorn import sinkhorn_knopp


class Dinov2(Dino):
    """`Method` DINOv2 (Oquab et al. 2023, section 4; ``ssl_meta_arch.py`` of facebookresearch/dinov2)."""

    recipe: Dinov2Recipe

    def __init__(self, recipe: Dinov2Recipe, timeline: Timeline) -> None:
        super().__init__(recipe, timeline)
        self.patch_center = Center(recipe.patch_prototypes if recipe.separate_head else recipe.prototypes)

    def _heads(self, width: int) -> dict[str, nn.Module]:
        heads, one = super()._heads(width), self.recipe
        if one.separate_head:
            heads["patch_head"] = ProjectionHead(width, one.patch_prototypes, one.hidden, one.patch_bottleneck)
        return heads

    def collate(self, drawn: Sequence[Pair], seed: int) -> Views:
        """The views of a batch, and which patches of the large ones are hidden."""
        views, side = super().collate(drawn, seed), self.recipe.global_size // self.recipe.patch
        images = GLOBAL_COUNT * len(drawn)
        masks = draw_masks(images, (side, side), self.recipe.masked_share, self.recipe.mask_ratio, Random(seed))
        return views._replace(masks=masks)

    def losses(self, views: Views, step: int) -> Mapping[str, Tensor]:
        """``loss`` and its terms ``dino``, ``patches`` and ``koleo``, unweighted; and `target_facts`."""
        assert views.masks is not None
        one, masks = self.recipe, torch.from_numpy(views.masks).to(self.center.mean.device)
        targets, patch_targets, facts = self._targets(views, masks.flatten(1), step)
        cls, patches, told = self._student(views, masks)
        told_patches = self._patch_head(self.student)(patches[masks.flatten(1)])
        dino = view_loss(targets, told, one.student_temperature)
        weights = torch.from_numpy(patch_weights(views.masks)).to(masks.device)
        hidden = patch_loss(patch_targets, told_patches, weights, len(masks), one.student_temperature)
        koleo = (
            sum((koleo_loss(part) for part in cls.chunk(GLOBAL_COUNT)), dino.new_zeros(())) if one.koleo_weight else 0
        )
        loss = one.dino_weight * dino + one.patch_weight * hidden + one.koleo_weight * koleo
        return {"loss": loss, "dino": dino, "patches": hidden, "koleo": torch.as_tensor(koleo), **facts}

    @torch.no_grad()
    def _targets(self, views: Views, masks: Tensor, step: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Targets of views ``[2, B, K]`` and of hidden patches ``[M, K]``, and what they tell."""
        cls, patches = self.teacher["backbone"](self.input(views.large))
        logits, patch_logits = self.teacher["head"](cls), self._patch_head(self.teacher)(patches[masks])
        self._seen = {"cls": logits, "patches": patch_logits}
        temperature = self.temperature(step)
        if self.recipe.centering == SINKHORN:
            targets = sinkhorn_knopp(logits, temperature)
            patch_targets = sinkhorn_knopp(patch_logits, temperature) if len(patch_logits) else patch_logits
        else:
            targets = self.center.targets(logits, temperature)
            patch_targets = self.patch_center.targets(patch_logits, temperature)
        return targets.reshape(GLOBAL_COUNT, -1, targets.shape[1]), patch_targets, target_facts(targets, cls)

    def _patch_head(self, part: nn.ModuleDict) -> nn.Module:
        return part["patch_head" if self.recipe.separate_head else "head"]

    def clip_gradients(self) -> Tensor:
        """The gradients of each network together, as facebookresearch/dinov2 does; gives back the largest norm."""
        parts = self.student.values()
        return torch.stack([nn.utils.clip_grad_norm_(part.parameters(), self.recipe.clip) for part in parts]).max()

    def _move_centers(self) -> None:
        if self.recipe.centering == SINKHORN:
            return
        self.center.update(self._seen["cls"])
        if len(self._seen["patches"]):
            self.patch_center.update(self._seen["patches"])
