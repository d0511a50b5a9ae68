"""The encoder of clips: an 18-layer residual network of 3D convolutions, for gray frames, in several widths.

As Tran et al. 2018 (R3D-18) and torchvision's ``r3d_18``, of whose parts it is built and whose names its weights have,
without the layer for classes: weights of the full width fit once three colors are added up for gray.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import ModelError

CLIP_ENCODERS: dict[str, int] = {"r3d_18": 64, "r3d_18_half": 32, "r3d_18_quarter": 16}
"""Channels after the stem, by name; the last stage has eight times as many. A quarter costs a sixteenth."""

STRIDE = 16
"""Pixels of a frame per place of the last map; frames are merged by 8, and by no more than there are."""


class ClipEncoder(nn.Module):
    """Gray clips ``[B, 1, T, S, S]`` to features ``[B, num_features]``, the mean of the last map."""

    def __init__(self, name: str) -> None:
        super().__init__()
        if name not in CLIP_ENCODERS:
            raise ModelError(f"An encoder of clips is one of {', '.join(CLIP_ENCODERS)}", value=name)
        width = CLIP_ENCODERS[name]
        kernel, step = (3, 7, 7), (1, 2, 2)
        first = nn.Conv3d(1, width, kernel, step, (1, 3, 3), bias=False)
        self.stem = nn.Sequential(first, nn.BatchNorm3d(width), nn.ReLU(inplace=True))
        self.layer1 = _stage(width, width, 1)
        self.layer2 = _stage(width, 2 * width, 2)
        self.layer3 = _stage(2 * width, 4 * width, 2)
        self.layer4 = _stage(4 * width, 8 * width, 2)
        self.num_features = 8 * width
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        # On processors half as fast again as the other layout.
        self.to(memory_format=torch.channels_last_3d)

    def forward(self, clips: Tensor) -> Tensor:
        """Features of ``clips``."""
        maps = self.stem(clips.contiguous(memory_format=torch.channels_last_3d))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        features: Tensor = maps.mean(dim=(2, 3, 4))
        return features


def _stage(inner: int, outer: int, stride: int) -> nn.Sequential:
    """Two blocks; the first halves frames and pixels where the stage is not the first."""
    from torchvision.models.video.resnet import BasicBlock, Conv3DSimple

    shortcut = None
    if stride != 1 or inner != outer:
        shortcut = nn.Sequential(nn.Conv3d(inner, outer, 1, stride, bias=False), nn.BatchNorm3d(outer))
    return nn.Sequential(
        BasicBlock(inner, outer, Conv3DSimple, stride, shortcut), BasicBlock(outer, outer, Conv3DSimple)
    )
