"""DINO: a student and the moving average of it, the teacher."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ....models.image_encoder import ENCODERS
from ...frame_source import SectorFrame
from ...parallel_weights import FSDP2, TaughtNetwork, local, norms, split
from ...schedules import cosine, linear
from ...team import Team
from ..crop_method import CropMethod, Pair, Views
from ..masked_transformer import MaskedTransformer
from ..method import Timeline
from ..parameter_groups import paced_groups
from ..pooled_convolution import PooledConvolution, batch_norms
from .head import ProjectionHead
from .loss import Center, view_loss
from .recipe import DinoRecipe
from .views import GLOBAL_COUNT, multi_crop


class Student(nn.ModuleDict):
    """A backbone and its heads. One call sees all views: of several processes each call ends with an exchange."""

    def forward(
        self, large: Tensor, small: Tensor | None, masks: Tensor | None = None
    ) -> tuple[Tensor, list[Tensor], Tensor | None]:
        """Class tokens ``[2 B, D]`` of large views, logits ``[B, K]`` of each view, and those ``[M, K]`` of the patches
        that ``masks`` hide; of views ``[V B, 1, S, S]``.
        """
        cls, patches = self["backbone"](large, masks)
        tokens = [cls] if small is None else [cls, self["backbone"](small)[0]]
        hidden = None if masks is None else patches[masks.flatten(1)]
        if hidden is not None and "patch_head" not in self:
            *views, patch_logits = _at_once(self["head"], [*tokens, hidden])
            return cls, _by_view(views, len(cls)), patch_logits
        views = _at_once(self["head"], tokens)
        return cls, _by_view(views, len(cls)), None if hidden is None else self["patch_head"](hidden)


def _at_once(head: nn.Module, tokens: Sequence[Tensor]) -> list[Tensor]:
    logits: Tensor = head(torch.cat(list(tokens)))
    return list(torch.split(logits, [len(one) for one in tokens]))


def _by_view(logits: Sequence[Tensor], large: int) -> list[Tensor]:
    batch = large // GLOBAL_COUNT
    return [view for some in logits for view in torch.split(some, batch)]


class Dino(CropMethod):
    """`Method` DINO (Caron et al. 2021, algorithm 1). ``student`` and ``teacher`` have a backbone and heads.

    A batch in shares teaches what it teaches at once: the teacher sees all shares before the student sees one, and the
    center is the mean over all processes, as in facebookresearch/dino. Only which paths are dropped is drawn for each
    share by itself, and the batch norms of a ResNet do not decompose: they normalize over a share, on CUDA over the
    shares that all processes learn at once (`SyncBatchNorm`, as published).
    """

    divisible = True
    hides_patches: ClassVar[bool] = False
    recipe: DinoRecipe

    def __init__(self, recipe: DinoRecipe, timeline: Timeline) -> None:
        super().__init__(recipe, timeline)
        backbone = self._backbone(recipe)
        self.student = Student({"backbone": backbone, **self._heads(backbone.width)})
        self.teacher = deepcopy(self.student).requires_grad_(False).eval()
        self.center = Center(recipe.prototypes)
        self._called = TaughtNetwork(self.student)
        self._seen: dict[str, Tensor] = {}

    def _backbone(self, recipe: DinoRecipe) -> MaskedTransformer | PooledConvolution:
        if not ENCODERS[recipe.encoder].transformer:
            return PooledConvolution(recipe.encoder, recipe.patch, recipe.global_size)
        network = MaskedTransformer(
            recipe.encoder, recipe.patch, recipe.global_size, recipe.drop_path, checkpointing=recipe.checkpointing
        )
        # What never has a gradient must not be waited for by other processes.
        network.hidden.requires_grad_(self.hides_patches)
        return network

    def _heads(self, width: int) -> dict[str, nn.Module]:
        one = self.recipe
        return {"head": ProjectionHead(width, one.prototypes, one.hidden, one.bottleneck, free_norm=one.free_norm)}

    def train(self, mode: bool = True) -> Dino:
        """The teacher never drops paths; its batch norms take statistics of the batch, as in facebookresearch/dino."""
        super().train(mode)
        self.teacher.eval()
        for layer in batch_norms(self.teacher):
            layer.train(mode)
        return self

    @property
    def backbone(self) -> MaskedTransformer | PooledConvolution:
        """The teacher's: the average is better than the student all along (Caron et al. 2021, section 5.2)."""
        backbone = self.teacher["backbone"]
        assert isinstance(backbone, MaskedTransformer | PooledConvolution)
        return backbone

    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Begins with the weights of a timm network, in student and teacher."""
        for part in (self.student, self.teacher):
            part["backbone"].network.load_state_dict(tensors)  # type: ignore[union-attr]

    def draw(self, item: SectorFrame, rng: np.random.Generator) -> Pair:
        """Large ``uint8 [2, G, G]`` and small views of one frame."""
        return multi_crop(item.image, self.recipe, rng)

    def share_out(self, team: Team, kind: str) -> None:
        """As `Method`; the teacher is kept as the student is."""
        super().share_out(team, kind)
        if team.size > 1 and self.center.mean.device.type == "cuda":
            for part in (self.student, self.teacher):
                nn.SyncBatchNorm.convert_sync_batchnorm(part)  # type: ignore[no-untyped-call]
        self._called = TaughtNetwork(self.student, team, kind)
        if team.size > 1 and kind == FSDP2:
            split(self.teacher, team, keep=False)

    def share(self, *, last: bool) -> AbstractContextManager[None]:
        """As `Method`."""
        return self._called.share(last=last)

    def compiled(self) -> Sequence[nn.Module]:
        """The backbones: heads see another number of hidden patches in every step."""
        return [part["backbone"] for part in (self.student, self.teacher)]

    def losses(self, views: Views, step: int) -> Mapping[str, Tensor]:
        """``loss``, the cross-entropy between views, and `target_facts`; of DINOv2 its other terms, too."""
        (terms,) = self.part_losses([views], step)
        return terms

    def part_losses(self, shares: Sequence[Views], step: int) -> Iterator[Mapping[str, Tensor]]:
        """As `Method`; `target_facts` are of the whole batch."""
        targets, facts = self._targets(shares, step)
        for views, told in zip(shares, targets, strict=True):
            yield {**self._terms(views, told), **facts}

    @torch.no_grad()
    def _targets(self, shares: Sequence[Views], step: int) -> tuple[list[Any], dict[str, Tensor]]:
        """What the teacher makes of each share, ``[2, B, K]``, and what that tells."""
        cls = torch.cat([self.teacher["backbone"](self.input(views.large))[0] for views in shares])
        logits = self.teacher["head"](cls)
        self._see("cls", logits)
        targets = self.center.targets(logits, self.temperature(step))
        return in_shares(targets, len(shares)), target_facts(targets, cls, self.team)

    def _terms(self, views: Views, targets: Any) -> dict[str, Tensor]:
        _, told, _ = self._student(views)
        return {"loss": view_loss(targets, told, self.recipe.student_temperature)}

    def _student(self, views: Views, masks: Tensor | None = None) -> tuple[Tensor, list[Tensor], Tensor | None]:
        """As `Student`."""
        small = self.input(views.small) if len(views.small) else None
        found: tuple[Tensor, list[Tensor], Tensor | None] = self._called(self.input(views.large), small, masks)
        return found

    def _see(self, name: str, logits: Tensor) -> None:
        """Keeps the mean of ``logits [N, K]`` over the team, for the center; N may differ."""
        total = self.team.total(
            torch.cat([logits.float().sum(0), logits.new_tensor([len(logits)], dtype=torch.float32)])
        )
        self._seen[name] = total[None, :-1] / total[-1]

    def temperature(self, step: int) -> float:
        """The teacher's temperature at ``step``."""
        one = self.recipe
        steps = self.timeline.epochs(one.temperature_epochs)
        return linear(step, steps, one.teacher_temperature, one.teacher_temperature_end)

    def momentum(self, step: int) -> float:
        """How much of the teacher stays at ``step``."""
        return cosine(step, self.timeline.steps, self.recipe.teacher_momentum, 1.0)

    def optimizer(self) -> torch.optim.Optimizer:
        """AdamW with a group for each pace (Loshchilov and Hutter 2019; betas 0.9 and 0.999)."""
        groups: list[dict[str, Any]] = []
        for name, part in self.student.items():
            blocks = len(part.network.blocks) if isinstance(part, MaskedTransformer) else 0
            for pace, parameters in paced_groups(part, blocks, self.recipe.layer_decay, self.recipe.patch_rate).items():
                groups.append({"params": parameters, "name": name, "pace": (pace.rate, pace.decay, pace.last_layer)})
        return torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.999), fused=True)

    def set_pace(self, optimizer: torch.optim.Optimizer, step: int) -> Mapping[str, float]:
        """Learning rate (warm-up, then cosine), weight decay (cosine), and a last layer that waits."""
        rate, decay = self.pace(step)
        frozen = step < self.timeline.epochs(self.recipe.frozen_epochs)
        for group in optimizer.param_groups:
            pace, share, last_layer = group["pace"]
            group["lr"] = 0.0 if frozen and last_layer else rate * pace
            group["weight_decay"] = decay * share
        pace = {"learning_rate": rate, "weight_decay": decay, "teacher_momentum": self.momentum(step)}
        return pace | {"teacher_temperature": self.temperature(step)}

    def clip_gradients(self) -> Tensor:
        """Each parameter's gradient by itself, as ``clip_gradients`` of facebookresearch/dino."""
        gradients = [p.grad for p in self.student.parameters() if p.grad is not None]
        lengths = norms(gradients, self.team)
        factors = (self.recipe.clip / (lengths + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_(local(gradients), list(factors.unbind()))
        return lengths.square().sum().sqrt()

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        """Moves the teacher towards the student, ``t = m t + (1 - m) s``, and the center towards what was seen."""
        momentum = self.momentum(step)
        theirs, ours = (local(list(part.parameters())) for part in (self.teacher, self.student))
        torch._foreach_mul_(theirs, momentum)
        torch._foreach_add_(theirs, ours, alpha=1 - momentum)
        self._move_centers()

    def _move_centers(self) -> None:
        self.center.update(self._seen["cls"])


def in_shares(targets: Tensor, count: int) -> list[Tensor]:
    """Targets ``[2, B, K]`` of each of ``count`` shares, of those of all, one share after the other."""
    return [part.reshape(GLOBAL_COUNT, -1, targets.shape[1]) for part in targets.chunk(count)]


@torch.no_grad()
def target_facts(targets: Tensor, cls: Tensor, team: Team) -> dict[str, Tensor]:
    """What tells a collapse: ``targets [N, K]`` and teacher class tokens ``cls [N, D]``, and those of the whole team.

    ``target_entropy`` is the mean entropy of a target; ``target_information`` how much (nats) a target tells of which
    view it is of, 0 where all are alike; ``embedding_spread`` is 1 minus the mean cosine between class tokens.
    """
    each = torch.special.entr(targets).sum(-1).mean()
    directions = torch.nn.functional.normalize(cls.float(), dim=-1).mean(0)
    means = team.mean(torch.cat([each[None], targets.mean(0), directions]))
    each, mean, middle = torch.split(means, [1, targets.shape[1], cls.shape[1]])
    return {
        "target_entropy": each[0],
        "target_information": torch.special.entr(mean).sum() - each[0],
        "embedding_spread": 1 - middle.square().sum(),
    }
