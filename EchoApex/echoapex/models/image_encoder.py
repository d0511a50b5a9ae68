"""The image encoder: a timm backbone, a light convolutional pyramid for detail, and segment-anything's neck.

One encoder serves all tasks; what it makes of a frame (`Features`) is computed once and shared. Weights of the
backbone keep timm's names, so that public weights can be loaded into ``encoder.backbone.network``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ModelError

EMBEDDING_CHANNELS = 256
"""Channels of the image embedding; the prompt width of Segment Anything (Kirillov et al. 2023, section A)."""

FINE_CHANNELS = (24, 48, 96)
"""Channels of the fine features at stride 2, 4 and 8 (our choice: under 0.35 GFLOP for a 160 x 160 frame)."""

LARGEST_IMAGE = 1024
"""Largest model input in pixels; a card that asks for more is refused before memory is."""

_COARSE_CHANNELS = 192
_NORM_GROUPS = 8


@dataclass(frozen=True)
class EncoderSpec:
    """What the registry knows of an encoder: its timm model, the patches it can take and whether it is a ViT."""

    timm_name: str
    patches: tuple[int, ...]
    transformer: bool


ENCODERS: dict[str, EncoderSpec] = {
    "vit_tiny": EncoderSpec("vit_tiny_patch16_224", (8, 14, 16), True),
    "vit_small": EncoderSpec("vit_small_patch16_224", (8, 14, 16), True),
    "vit_base": EncoderSpec("vit_base_patch16_224", (8, 14, 16), True),
    "resnet50": EncoderSpec("resnet50", (16,), False),
}


class Tokens(NamedTuple):
    """Before the neck: ``cls [B, D]``, ``patches [B, D, g, g]`` and ``fine`` as in `Features`."""

    cls: Tensor
    patches: Tensor
    fine: tuple[Tensor, ...]


class Features(NamedTuple):
    """What the encoder makes of a batch of frames.

    ``embedding [B, 256, g, g]``; ``cls [B, D]`` (class token, or the mean where the backbone has none); ``fine`` are
    feature maps ``[B, 24, S/2, S/2]``, ``[B, 48, S/4, S/4]`` and ``[B, 96, S/8, S/8]`` (sizes rounded down).
    """

    embedding: Tensor
    cls: Tensor
    fine: tuple[Tensor, ...]

    def select(self, index: Tensor | slice) -> Features:
        """The features of some of the frames."""
        return Features(self.embedding[index], self.cls[index], tuple(level[index] for level in self.fine))

    def to(self, *, device: torch.device | None = None, dtype: torch.dtype | None = None) -> Features:
        """The same features on another device or in another precision (half precision halves a cache)."""
        values = (self.embedding, self.cls, *self.fine)
        moved = [value.to(device=device, dtype=dtype) for value in values]
        return Features(moved[0], moved[1], tuple(moved[2:]))


class Backbone(Protocol):
    """Any network that turns frames ``[B, 1, S, S]`` and detail ``[B, D, h, w]`` into (cls, patches)."""

    embed_dim: int

    def __call__(self, images: Tensor, detail: Tensor) -> tuple[Tensor, Tensor]: ...


class TransformerBackbone(nn.Module):
    """timm's vision transformer, unmodified, with detail added to its patch tokens before the first block."""

    def __init__(self, spec: EncoderSpec, patch: int, image_size: int, drop_path: float) -> None:
        super().__init__()
        import timm

        # Dynamic sizes: the local crops of self-supervised pretraining are smaller than the image.
        network: Any = timm.create_model(
            spec.timm_name,
            pretrained=False,
            num_classes=0,
            in_chans=1,
            img_size=image_size,
            patch_size=patch,
            dynamic_img_size=True,
            drop_path_rate=drop_path,
        )
        self.network: Any = network
        self.embed_dim: int = network.num_features

    def forward(self, images: Tensor, detail: Tensor) -> tuple[Tensor, Tensor]:
        """``(cls [B, D], patches [B, D, g, g])`` after the last norm."""
        network = self.network
        embedded = network.patch_embed(images)
        rows, columns = embedded.shape[1:3]
        embedded = embedded + _resized(detail, rows, columns).permute(0, 2, 3, 1)
        tokens = network.norm_pre(network.patch_drop(network._pos_embed(embedded)))
        tokens = network.norm(network.blocks(tokens))
        patches = tokens[:, network.num_prefix_tokens :].transpose(1, 2).unflatten(2, (rows, columns))
        return tokens[:, 0], patches


class ConvolutionBackbone(nn.Module):
    """timm's ResNet up to stride 16, with detail added to its last map; ``cls`` is the mean of that map."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        import timm

        options: dict[str, Any] = {"features_only": True, "out_indices": (3,)}
        network: Any = timm.create_model(spec.timm_name, pretrained=False, in_chans=1, **options)
        self.network: Any = network
        self.embed_dim: int = network.feature_info.channels()[-1]

    def forward(self, images: Tensor, detail: Tensor) -> tuple[Tensor, Tensor]:
        """``(cls [B, D], patches [B, D, g, g])``."""
        grid: Tensor = self.network(images)[-1]
        grid = grid + _resized(detail, *grid.shape[-2:])
        return grid.mean(dim=(2, 3)), grid


class ResidualConv(nn.Module):
    """``x + conv3x3(gelu(norm(x)))``: pre-activation as in He et al. 2016, with GroupNorm for batches of one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_NORM_GROUPS, channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape as ``x [B, C, h, w]``."""
        branch: Tensor = self.conv(functional.gelu(self.norm(x)))
        return x + branch


class DetailPyramid(nn.Module):
    """Fine features at stride 2, 4 and 8 and a coarse map for the backbone, from a few convolutions.

    Every halving has an even kernel: the center of a feature is then the center of the pixels it stands for, and
    mask logits need no half-pixel correction.
    """

    def __init__(self, embed_dim: int) -> None:
        super().__init__()
        half, quarter, eighth = FINE_CHANNELS
        self.levels = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(1, half, 4, stride=2, padding=1), ResidualConv(half)),
                nn.Sequential(nn.Conv2d(half, quarter, 2, stride=2), ResidualConv(quarter), ResidualConv(quarter)),
                nn.Sequential(nn.Conv2d(quarter, eighth, 2, stride=2), ResidualConv(eighth)),
            ]
        )
        self.coarse = nn.Sequential(
            nn.Conv2d(eighth, _COARSE_CHANNELS, 2, stride=2),
            nn.GroupNorm(_NORM_GROUPS, _COARSE_CHANNELS),
            nn.GELU(),
            nn.Conv2d(_COARSE_CHANNELS, embed_dim, 1),
        )

    def forward(self, images: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        """``(fine, coarse)`` of ``images [B, 1, S, S]``: fine as in `Features`, ``coarse [B, D, S/16, S/16]``."""
        fine: list[Tensor] = []
        current = images
        for level in self.levels:
            current = level(current)
            fine.append(current)
        return tuple(fine), self.coarse(current)


class Encoder(nn.Module):
    """Frames to `Features`. ``name`` is its entry in `ENCODERS`, ``grid`` the side g, ``stride`` its pixels."""

    def __init__(self, name: str, backbone: Backbone, patch: int, image_size: int) -> None:
        super().__init__()
        from segment_anything.modeling.common import LayerNorm2d

        self.name = name
        self.embed_dim = backbone.embed_dim
        self.stride = patch
        self.image_size = image_size
        self.grid = image_size // patch
        self.detail = DetailPyramid(self.embed_dim)
        self.backbone = backbone
        self.neck = nn.Sequential(
            nn.Conv2d(self.embed_dim, EMBEDDING_CHANNELS, 1, bias=False),
            LayerNorm2d(EMBEDDING_CHANNELS),
            nn.Conv2d(EMBEDDING_CHANNELS, EMBEDDING_CHANNELS, 3, padding=1, bias=False),
            LayerNorm2d(EMBEDDING_CHANNELS),
        )

    def shapes(self, frames: int) -> tuple[tuple[int, ...], ...]:
        """The shapes of the `Features` of so many frames: embedding, cls, and those of fine."""
        sides = (self.image_size // 2, self.image_size // 4, self.image_size // 8)
        fine = tuple((frames, width, side, side) for width, side in zip(FINE_CHANNELS, sides, strict=True))
        return (frames, EMBEDDING_CHANNELS, self.grid, self.grid), (frames, self.embed_dim), *fine

    def tokens(self, images: Tensor) -> Tokens:
        """What the backbone makes of normalized ``images [B, 1, S, S]``, before the neck; any S the patch divides."""
        fine, coarse = self.detail(images)
        cls, patches = self.backbone(images, coarse)
        return Tokens(cls, patches, fine)

    def forward(self, images: Tensor) -> Features:
        """`Features` of ``images``, float ``[B, 1, S, S]``, already normalized (see `Preprocessing`)."""
        cls, patches, fine = self.tokens(images)
        return Features(self.neck(patches), cls, fine)


def create_encoder(name: str, patch: int, image_size: int, *, drop_path: float = 0.0) -> Encoder:
    """A new encoder with random weights.

    ``name`` is one of `ENCODERS`; ``drop_path`` is the rate of stochastic depth in training. Raises `ModelError` for
    an unknown name, a patch this encoder has not, or an image size that is no multiple of the patch.
    """
    check_architecture(name, patch, image_size)
    spec = ENCODERS[name]
    if spec.transformer:
        return Encoder(name, cast(Backbone, TransformerBackbone(spec, patch, image_size, drop_path)), patch, image_size)
    if drop_path:
        raise ModelError(f"Encoder {name} has no stochastic depth", value=drop_path)
    return Encoder(name, cast(Backbone, ConvolutionBackbone(spec)), patch, image_size)


def check_architecture(name: str, patch: int, image_size: int) -> None:
    """Raises `ModelError` unless an encoder of this name, patch and image size can be built."""
    if name not in ENCODERS:
        raise ModelError(f"The encoder must be one of {', '.join(ENCODERS)}", value=name)
    if patch not in ENCODERS[name].patches:
        allowed = ", ".join(str(size) for size in ENCODERS[name].patches)
        raise ModelError(f"Encoder {name} takes patches of {allowed} pixels", value=patch)
    if image_size % patch or not 2 * patch <= image_size <= LARGEST_IMAGE:
        raise ModelError(
            f"The image size must be a multiple of the patch of {patch} pixels, from {2 * patch} to {LARGEST_IMAGE}",
            value=image_size,
        )


def _resized(detail: Tensor, rows: int, columns: int) -> Tensor:
    if detail.shape[-2:] == (rows, columns):
        return detail
    return functional.interpolate(detail, size=(rows, columns), mode="bilinear", align_corners=False)
