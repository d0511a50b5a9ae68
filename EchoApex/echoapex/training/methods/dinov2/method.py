"""DINOv2: DINO between views, iBOT between patches, KoLeo between frames."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import torch
from torch import Tensor, nn

from ....errors import EchoApexError
from ...parallel_weights import local, norms
from ...team import Team
from ..crop_method import Pair, Views
from ..dino.head import ProjectionHead
from ..dino.loss import Center, view_loss
from ..dino.method import Dino, in_shares, target_facts
from ..dino.views import GLOBAL_COUNT
from ..method import Timeline
from .koleo import koleo_loss
from .masks import draw_masks, patch_weights
from .patch_loss import patch_loss
from .recipe import SINKHORN, Dinov2Recipe
from .sinkhorn import sinkhorn_knopp


class Dinov2(Dino):
    """`Method` DINOv2 (Oquab et al. 2023, section 4; ``ssl_meta_arch.py`` of facebookresearch/dinov2).

    In shares it learns what `Dino` does: Sinkhorn-Knopp is over the batch of all processes, as published, and masks are
    drawn for it. KoLeo does not decompose: it spreads the frames of a share apart, as in facebookresearch/dinov2 those
    of one GPU, so that the number of shares (processes times ``accumulate``) changes what is learned.
    """

    hides_patches = True
    recipe: Dinov2Recipe

    def __init__(self, recipe: Dinov2Recipe, timeline: Timeline) -> None:
        super().__init__(recipe, timeline)
        self.patch_center = Center(recipe.patch_prototypes if recipe.separate_head else recipe.prototypes)

    def _heads(self, width: int) -> dict[str, nn.Module]:
        heads, one = super()._heads(width), self.recipe
        if one.separate_head:
            heads["patch_head"] = ProjectionHead(width, one.patch_prototypes, one.hidden, one.patch_bottleneck)
        return heads

    def collate(self, drawn: Sequence[Pair], seed: int, part: int = 0, parts: int = 1) -> Views:
        """The views of a batch, and which patches of the large ones are hidden: drawn for the whole batch."""
        side, batch = self.recipe.global_size // self.recipe.patch, parts * len(drawn)
        masks = draw_masks(
            GLOBAL_COUNT * batch, (side, side), self.recipe.masked_share, self.recipe.mask_ratio, Random(seed)
        )
        by_view = masks.reshape(GLOBAL_COUNT, batch, side, side)[:, part * len(drawn) : (part + 1) * len(drawn)]
        return super().collate(drawn, seed)._replace(masks=by_view.reshape(-1, side, side))

    def share_out(self, team: Team, kind: str) -> None:
        """As `Dino`; raises `EchoApexError` where KoLeo has nothing to compare."""
        frames = self.recipe.batch // (team.size * self.recipe.accumulate)
        if self.recipe.koleo_weight and frames < 2:
            rule = (
                "KoLeo compares the frames of a share: larger batch, fewer processes, less accumulate or koleo_weight 0"
            )
            raise EchoApexError(rule, value=f"shares of {frames}")
        super().share_out(team, kind)

    @torch.no_grad()
    def _targets(self, shares: Sequence[Views], step: int) -> tuple[list[Any], dict[str, Tensor]]:
        """Of each share the targets of its views ``[2, B, K]`` and of its hidden patches ``[M, K]``."""
        tokens = [self._seen_by_teacher(views) for views in shares]
        cls, patches = torch.cat([one for one, _ in tokens]), torch.cat([some for _, some in tokens])
        logits, patch_logits = self._teacher_logits(cls, patches)
        self._see("cls", logits)
        self._see("patches", patch_logits)
        temperature = self.temperature(step)
        if self.recipe.centering == SINKHORN:
            targets = sinkhorn_knopp(logits, temperature, team=self.team)
            patch_targets = sinkhorn_knopp(patch_logits, temperature, team=self.team)
        else:
            targets = self.center.targets(logits, temperature)
            patch_targets = self.patch_center.targets(patch_logits, temperature)
        by_share = torch.split(patch_targets, [len(some) for _, some in tokens])
        told = list(zip(in_shares(targets, len(shares)), by_share, strict=True))
        return told, target_facts(targets, cls, self.team)

    def _seen_by_teacher(self, views: Views) -> tuple[Tensor, Tensor]:
        """Class tokens ``[2 B, D]`` and those patches ``[M, D]`` that are hidden from the student."""
        cls, patches = self.teacher["backbone"](self.input(views.large))
        return cls, patches[self._masks(views).flatten(1)]

    def _teacher_logits(self, cls: Tensor, patches: Tensor) -> tuple[Tensor, Tensor]:
        if self.recipe.separate_head:
            return self.teacher["head"](cls), self.teacher["patch_head"](patches)
        logits, patch_logits = torch.split(self.teacher["head"](torch.cat([cls, patches])), [len(cls), len(patches)])
        return logits, patch_logits

    def _terms(self, views: Views, targets: Any) -> dict[str, Tensor]:
        """``loss`` and its terms ``dino``, ``patches`` and ``koleo``, unweighted."""
        assert views.masks is not None
        one, (of_views, of_patches), masks = self.recipe, targets, self._masks(views)
        cls, told, told_patches = self._student(views, masks)
        assert told_patches is not None
        dino = view_loss(of_views, told, one.student_temperature)
        weights = torch.from_numpy(patch_weights(views.masks)).to(masks.device)
        hidden = patch_loss(of_patches, told_patches, weights, len(masks), one.student_temperature)
        koleo = dino.new_zeros(())
        if one.koleo_weight:
            koleo = sum((koleo_loss(part) for part in cls.chunk(GLOBAL_COUNT)), koleo)
        loss = one.dino_weight * dino + one.patch_weight * hidden + one.koleo_weight * koleo
        return {"loss": loss, "dino": dino, "patches": hidden, "koleo": koleo}

    def _masks(self, views: Views) -> Tensor:
        assert views.masks is not None
        return torch.from_numpy(views.masks).to(self.center.mean.device)

    def clip_gradients(self) -> Tensor:
        """The gradients of each network together, as facebookresearch/dinov2 does; gives back the largest norm."""
        return torch.stack([self._clip(part) for part in self.student.values()]).max()

    def _clip(self, part: nn.Module) -> Tensor:
        gradients = [p.grad for p in part.parameters() if p.grad is not None]
        length: Tensor = torch.linalg.vector_norm(norms(gradients, self.team))
        torch._foreach_mul_(local(gradients), (self.recipe.clip / (length + 1e-6)).clamp(max=1.0))
        return length

    def _move_centers(self) -> None:
        if self.recipe.centering == SINKHORN:
            return
        self.center.update(self._seen["cls"])
        # Not a number where no patch was hidden.
        if self._seen["patches"].isfinite().all():
            self.patch_center.update(self._seen["patches"])
