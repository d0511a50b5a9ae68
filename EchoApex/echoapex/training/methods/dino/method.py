"""DINO: a student and the moving average of it, the teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ....models.model_card import Architecture
from ....models.preprocessing import Preprocessing
from ...frame_source import SectorFrame
from ...schedules import cosine, linear
from ..masked_transformer import MaskedTransformer
from ..method import Method, Pair, Timeline, Views, embedding_spread
from ..parameter_groups import paced_groups
from .head import ProjectionHead
from .loss import Center, view_loss
from .recipe import DinoRecipe
from .views import GLOBAL_COUNT, multi_crop

_EMBEDDED_AT_ONCE = 32


class Dino(Method[SectorFrame, Pair, Views]):
    """`Method` DINO (Caron et al. 2021, algorithm 1). ``student`` and ``teacher`` have a backbone and heads."""

    def __init__(self, recipe: DinoRecipe, timeline: Timeline) -> None:
        super().__init__(timeline, Preprocessing(recipe.global_size))
        self.recipe = recipe
        backbone = MaskedTransformer(recipe.encoder, recipe.patch, recipe.global_size, recipe.drop_path)
        self.student = nn.ModuleDict({"backbone": backbone, **self._heads(backbone.width)})
        self.teacher = deepcopy(self.student).requires_grad_(False).eval()
        self.center = Center(recipe.prototypes)
        self._seen: dict[str, Tensor] = {}

    def _heads(self, width: int) -> dict[str, nn.Module]:
        one = self.recipe
        return {"head": ProjectionHead(width, one.prototypes, one.hidden, one.bottleneck, free_norm=one.free_norm)}

    def train(self, mode: bool = True) -> Dino:
        """The teacher never drops paths."""
        super().train(mode)
        self.teacher.eval()
        return self

    @property
    def backbone(self) -> MaskedTransformer:
        """The teacher's: the average is better than the student all along (Caron et al. 2021, section 5.2)."""
        backbone = self.teacher["backbone"]
        assert isinstance(backbone, MaskedTransformer)
        return backbone

    @property
    def architecture(self) -> Architecture:
        """The teacher's, at the size of global crops."""
        return Architecture(self.recipe.encoder, self.recipe.patch, self.recipe.global_size)

    @torch.no_grad()
    def embed(self, pictures: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Class tokens of the teacher ``[N, D]`` on the CPU, of whole frames ``uint8 [H, W]``."""
        import cv2

        size = self.recipe.global_size
        parts = []
        for start in range(0, len(pictures), _EMBEDDED_AT_ONCE):
            some = pictures[start : start + _EMBEDDED_AT_ONCE]
            small = [cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) for image in some]
            stack = np.stack(small).astype(np.uint8, copy=False)
            parts.append(self.backbone(self.input(stack[None]))[0].float().cpu())
        return torch.cat(parts)

    def start_from(self, tensors: Mapping[str, Tensor]) -> None:
        """Begins with the weights of a timm network, in student and teacher."""
        for part in (self.student, self.teacher):
            part["backbone"].network.load_state_dict(tensors)  # type: ignore[union-attr]

    def draw(self, item: SectorFrame, rng: np.random.Generator) -> Pair:
        """Large ``uint8 [2, G, G]`` and small views of one frame."""
        return multi_crop(item.image, self.recipe, rng)

    def collate(self, drawn: Sequence[Pair], seed: int) -> Views:  # noqa: ARG002 - DINOv2 draws masks by it.
        """The views of a batch as one."""
        return Views(np.stack([large for large, _ in drawn], 1), np.stack([small for _, small in drawn], 1))

    def input(self, crops: NDArray[np.uint8]) -> Tensor:
        """Crops ``uint8 [V, B, S, S]`` as the networks' input ``[V B, 1, S, S]``, on their device."""
        gray = torch.from_numpy(crops).flatten(0, 1)[:, None].to(self.device)
        return (gray.float() / 255 - self.preprocessing.mean) / self.preprocessing.std

    def losses(self, views: Views, step: int) -> Mapping[str, Tensor]:
        """``loss``, the cross-entropy between views, and `target_facts`."""
        _, _, told = self._student(views)
        with torch.no_grad():
            teacher_cls, _ = self.teacher["backbone"](self.input(views.large))
            logits = self.teacher["head"](teacher_cls)
            targets = self.center.targets(logits, self.temperature(step))
            self._seen = {"cls": logits}
        shared = targets.reshape(GLOBAL_COUNT, -1, targets.shape[1])
        return {"loss": view_loss(shared, told, self.recipe.student_temperature), **target_facts(targets, teacher_cls)}

    def _student(self, views: Views, masks: Tensor | None = None) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Class tokens ``[2 B, D]`` and patches ``[2 B, N, D]`` of large views, logits ``[B, K]`` of each view."""
        backbone, head = self.student["backbone"], self.student["head"]
        cls, patches = backbone(self.input(views.large), masks)
        told = list(head(cls).chunk(GLOBAL_COUNT))
        if len(views.small):
            local, _ = backbone(self.input(views.small))
            told += head(local).chunk(len(views.small))
        return cls, patches, told

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
        one, time = self.recipe, self.timeline
        warmup = time.epochs(one.warmup_epochs)
        rate = cosine(step, time.steps, one.effective_rate, one.least_rate, warmup=warmup)
        decay = cosine(step, time.steps, one.weight_decay, one.weight_decay_end)
        frozen = step < time.epochs(one.frozen_epochs)
        for group in optimizer.param_groups:
            pace, share, last_layer = group["pace"]
            group["lr"] = 0.0 if frozen and last_layer else rate * pace
            group["weight_decay"] = decay * share
        pace = {"learning_rate": rate, "weight_decay": decay, "teacher_momentum": self.momentum(step)}
        return pace | {"teacher_temperature": self.temperature(step)}

    def clip_gradients(self) -> Tensor:
        """Each parameter's gradient by itself, as ``clip_gradients`` of facebookresearch/dino."""
        gradients = [p.grad for p in self.student.parameters() if p.grad is not None]
        norms = torch.stack(torch._foreach_norm(gradients))
        factors = (self.recipe.clip / (norms + 1e-6)).clamp(max=1.0)
        torch._foreach_mul_(gradients, list(factors.unbind()))
        return norms.square().sum().sqrt()

    @torch.no_grad()
    def after_step(self, step: int) -> None:
        """Moves the teacher towards the student, ``t = m t + (1 - m) s``, and the center towards what was seen."""
        momentum = self.momentum(step)
        theirs: list[Tensor] = list(self.teacher.parameters())
        ours: list[Tensor] = list(self.student.parameters())
        torch._foreach_mul_(theirs, momentum)
        torch._foreach_add_(theirs, ours, alpha=1 - momentum)
        self._move_centers()

    def _move_centers(self) -> None:
        self.center.update(self._seen["cls"])


@torch.no_grad()
def target_facts(targets: Tensor, cls: Tensor) -> dict[str, Tensor]:
    """What tells a collapse: ``targets [N, K]`` and teacher class tokens ``cls [N, D]``.

    ``target_entropy`` is the mean entropy of a target; ``target_information`` how much (nats) a target tells of which
    view it is of, 0 where all are alike; ``embedding_spread`` is that of the class tokens.
    """
    each = torch.special.entr(targets).sum(-1).mean()
    of_mean = torch.special.entr(targets.mean(0)).sum()
    return {"target_entropy": each, "target_information": of_mean - each, "embedding_spread": embedding_spread(cls)}
