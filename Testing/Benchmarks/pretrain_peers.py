"""A step of DINOv2 made of lightly's parts, to compare ours with: its masked transformer, heads and losses.

The loop is that of lightly's own example of DINOv2; what is no part of lightly (optimizer, views) is as in ours.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from lightly.loss import DINOLoss, IBOTPatchLoss, KoLeoLoss
from lightly.models.modules import MaskedVisionTransformerTIMM
from lightly.models.modules.heads import DINOv2ProjectionHead
from lightly.models.utils import update_momentum
from torch import Tensor, nn

from echoapex.models.image_encoder import ENCODERS
from echoapex.training.methods.crop_method import Views
from echoapex.training.methods.dino.views import GLOBAL_COUNT
from echoapex.training.methods.dinov2.method import Dinov2
from echoapex.training.methods.dinov2.recipe import Dinov2Recipe


class LightlyDinov2:
    """Student, teacher and losses of a ``recipe``, with mean centering and one head, on the processor.

    ``drop_path`` is timm's: all is computed, and the rate grows with depth.
    """

    def __init__(self, recipe: Dinov2Recipe, drop_path: float) -> None:
        self.recipe = recipe
        self.student, self.teacher = _part(recipe, drop_path), _part(recipe, 0.0)
        self.teacher.load_state_dict(self.student.state_dict())
        self.teacher.requires_grad_(False).eval()
        self.losses = DINOLoss(output_dim=recipe.prototypes, student_temp=recipe.student_temperature)
        self.patch_losses = IBOTPatchLoss(output_dim=recipe.prototypes, student_temp=recipe.student_temperature)
        self.koleo = KoLeoLoss()
        self.optimizer = torch.optim.AdamW(self.student.parameters(), lr=1e-4, betas=(0.9, 0.999), fused=True)

    def take_weights(self, method: Dinov2) -> None:
        """Begins with the weights of ours, so that both compute the same."""
        for part, given in ((self.student, method.student), (self.teacher, method.teacher)):
            part["backbone"].vit.load_state_dict(given["backbone"].network.state_dict())
            part["backbone"].mask_token.data.copy_(given["backbone"].hidden.detach()[None, None])
            theirs, ours = part["head"].layers.parameters(), given["head"].layers.parameters()
            for mine, other in zip(theirs, ours, strict=True):
                mine.data.copy_(other.data)
            part["head"].last_layer.weight_v.data.copy_(given["head"].prototypes.data)

    def step(self, method: Dinov2, views: Views, momentum: float) -> Mapping[str, float]:
        """Learns from ``views`` as ``method`` prepares them; gives back the terms of the loss."""
        terms = self.terms(method, views)
        terms["loss"].backward()
        for part in self.student.values():
            nn.utils.clip_grad_norm_(part.parameters(), self.recipe.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        update_momentum(self.student, self.teacher, m=momentum)
        return {name: float(value.detach()) for name, value in terms.items()}

    def terms(self, method: Dinov2, views: Views) -> dict[str, Tensor]:
        """The terms that `Dinov2.losses` has."""
        assert views.masks is not None
        one, large = self.recipe, method.input(views.large)
        blocks = torch.from_numpy(views.masks)
        mask = torch.cat([torch.zeros(len(large), 1, dtype=torch.bool), blocks.flatten(1)], 1)
        with torch.no_grad():
            seen = self.teacher["backbone"].encode(large)
            teacher_cls, teacher_patches = self.teacher["head"](seen[:, 0]), self.teacher["head"](seen[mask])
        tokens = self.student["backbone"].encode(large, mask=mask)
        cls, told_patches = tokens[:, 0], self.student["head"](tokens[mask])
        told = list(self.student["head"](cls).chunk(GLOBAL_COUNT))
        small = self.student["backbone"].encode(method.input(views.small))[:, 0]
        told += self.student["head"](small).chunk(len(views.small))
        temperature = one.teacher_temperature
        dino = self.losses(list(teacher_cls.chunk(GLOBAL_COUNT)), told, teacher_temp=temperature)
        patches = self.patch_losses(teacher_patches, told_patches, blocks, teacher_temp=temperature)
        koleo = sum(self.koleo(part) for part in cls.chunk(GLOBAL_COUNT))
        loss = one.dino_weight * dino + one.patch_weight * patches + one.koleo_weight * koleo
        return {"loss": loss, "dino": dino, "patches": patches, "koleo": koleo}


def _part(recipe: Dinov2Recipe, drop_path: float) -> nn.ModuleDict:
    import timm

    network = timm.create_model(
        ENCODERS[recipe.encoder].timm_name,
        num_classes=0,
        in_chans=1,
        img_size=recipe.global_size,
        patch_size=recipe.patch,
        dynamic_img_size=True,
        drop_path_rate=drop_path,
    )
    backbone = MaskedVisionTransformerTIMM(network, antialias=True, pos_embed_initialization="skip")
    head = DINOv2ProjectionHead(network.num_features, recipe.hidden, recipe.bottleneck, recipe.prototypes)
    head.last_layer.weight_g.requires_grad_(False)
    return nn.ModuleDict({"backbone": backbone, "head": head})
