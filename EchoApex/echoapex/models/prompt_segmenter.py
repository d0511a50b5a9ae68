"""The prompt segmenter: a frame is encoded once, then any number of prompts give a mask each.

Prompts are encoded by the layers of segment-anything's prompt encoder (Kirillov et al. 2023, section A); what is ours
is that prompts of all kinds mix in one batch, text among them, and the finer output of `FineMaskDecoder`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from segment_anything.modeling import PromptEncoder
from torch import Tensor, nn
from torch.nn import functional

from ..errors import ModelError
from .image_encoder import EMBEDDING_CHANNELS, Encoder, Features, create_encoder
from .mask_decoder import FineMaskDecoder
from .prompts_as_pictures import DrawnPrompts

MASK_PROMPT_LIMIT = 10.0
"""Mask prompts are logits within this of 0 (our choice), so that a very sure mask and a drawn one look alike."""

_MASK_PROMPT_CHANNELS = 16
_SIGNS, _CORNERS = slice(0, 2), slice(2, 4)
"""Segment-anything's point embeddings in its order: negative, positive, first and second corner of a box."""


@dataclass(eq=False)
class PromptBatch:
    """N prompts of any kinds, in pixels of the model input (x right, y down, centers at whole numbers).

    ``points [N, P, 2]`` with ``labels [N, P]`` (1 positive, 0 negative, -1 padding); ``boxes [N, 4]`` as x0, y0, x1,
    y1 where ``has_box [N]``; ``text [N]`` counts structures from 1 in the order of the model card, 0 is none;
    ``masks [N, 1, 4g, 4g]`` are logits where ``has_mask [N]``, and None where no prompt has one. What is absent
    has no influence: a prompt gives the same mask alone and in any batch.
    """

    points: Tensor
    labels: Tensor
    boxes: Tensor
    has_box: Tensor
    text: Tensor
    masks: Tensor | None
    has_mask: Tensor

    @classmethod
    def empty(cls, count: int, *, points: int = 0, device: torch.device | str = "cpu") -> PromptBatch:
        """``count`` prompts that ask for nothing yet, with room for ``points`` points each."""
        return cls(
            points=torch.zeros(count, points, 2, device=device),
            labels=torch.full((count, points), -1, dtype=torch.long, device=device),
            boxes=torch.zeros(count, 4, device=device),
            has_box=torch.zeros(count, dtype=torch.bool, device=device),
            text=torch.zeros(count, dtype=torch.long, device=device),
            masks=None,
            has_mask=torch.zeros(count, dtype=torch.bool, device=device),
        )

    def __len__(self) -> int:
        return int(self.text.shape[0])

    def select(self, index: Tensor | slice) -> PromptBatch:
        """Some of the prompts."""
        return self._each(lambda value: value[index])

    def to(self, device: torch.device | str) -> PromptBatch:
        """The same prompts on another device."""
        return self._each(lambda value: value.to(device))

    def _each(self, change: Callable[[Tensor], Tensor]) -> PromptBatch:
        masks = None if self.masks is None else change(self.masks)
        boxes, has_box, has_mask = change(self.boxes), change(self.has_box), change(self.has_mask)
        return PromptBatch(change(self.points), change(self.labels), boxes, has_box, change(self.text), masks, has_mask)


class PromptSegmenter(nn.Module):
    """Encoder, prompt encoder and mask decoder. ``text_count`` is how many structures it knows by name.

    ``image_size`` is S, ``grid`` is g. Works on any device and under `torch.autocast`.
    """

    def __init__(self, encoder: Encoder, text_count: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.image_size, self.grid, self.text_count = encoder.image_size, encoder.grid, text_count
        self.prompt_encoder = PromptEncoder(
            embed_dim=EMBEDDING_CHANNELS,
            image_embedding_size=(self.grid, self.grid),
            input_image_size=(self.image_size, self.image_size),
            mask_in_chans=_MASK_PROMPT_CHANNELS,
        )
        # Row 0 stands for "no text", so that prompts with and without text mix in a batch.
        self.text_embedding = nn.Embedding(text_count + 1, EMBEDDING_CHANNELS)
        self.drawn_prompts = DrawnPrompts(EMBEDDING_CHANNELS, self.image_size, self.grid)
        self.mask_decoder = FineMaskDecoder()

    def encode(self, images: Tensor) -> Features:
        """`Features` of ``images``, float ``[B, 1, S, S]``, already normalized."""
        features: Features = self.encoder(images)
        return features

    def decode(
        self, features: Features, image_index: Tensor, prompts: PromptBatch, *, zero_prompts: bool = False
    ) -> tuple[Tensor, Tensor]:
        """``(logits [N, S/2, S/2], dice [N])``: a mask for each prompt and the Dice it is expected to reach (0..1).

        ``image_index long [N]`` says which frame of ``features`` each prompt is about. ``zero_prompts`` blanks every
        prompt: what then comes out is what the model says without being asked. Raises `ModelError` when the sizes
        of features, index and prompts do not fit.
        """
        self._check(features, image_index, prompts)
        tokens, present = self._sparse(prompts)
        dense = self._dense(prompts)
        if zero_prompts:
            tokens, present, dense = torch.zeros_like(tokens), torch.ones_like(present), torch.zeros_like(dense)
        fine = tuple(level[image_index] for level in self.mask_decoder.project_fine(features.fine))
        embedding = features.embedding[image_index] + dense
        logits, dice = self.mask_decoder(embedding, self._image_pe(), tokens, present, fine)
        return logits, dice

    def forward(self, images: Tensor, image_index: Tensor, prompts: PromptBatch) -> tuple[Tensor, Tensor]:
        """`encode` and `decode` in one call, for training under a wrapper that only knows ``forward``."""
        return self.decode(self.encode(images), image_index, prompts)

    def mask_prompt(self, logits: Tensor) -> Tensor:
        """Logits ``[N, h, w]`` over the model input as a mask prompt ``[N, 1, 4g, 4g]`` for `PromptBatch.masks`."""
        size = self.prompt_encoder.mask_input_size
        limited = logits.float().clamp(-MASK_PROMPT_LIMIT, MASK_PROMPT_LIMIT)[:, None]
        return functional.interpolate(limited, size=size, mode="bilinear", align_corners=False, antialias=True)

    def _check(self, features: Features, image_index: Tensor, prompts: PromptBatch) -> None:
        if features.embedding.shape[-2:] != (self.grid, self.grid):
            raise ModelError(
                f"This model works on images of {self.image_size} x {self.image_size} pixels",
                value=tuple(features.embedding.shape[-2:]),
            )
        if image_index.shape != (len(prompts),):
            raise ModelError("There must be one frame index for each prompt", value=tuple(image_index.shape))
        if prompts.masks is None and bool(prompts.has_mask.any()):
            raise ModelError("A prompt says that it has a previous mask, and there is none")

    # Positions lose their meaning in half precision: a click would be known to several pixels only.
    def _image_pe(self) -> Tensor:
        with torch.autocast(self._device.type, enabled=False):
            pe: Tensor = self.prompt_encoder.get_dense_pe()
            return pe

    def _positions(self, points: Tensor) -> Tensor:
        size = (self.image_size, self.image_size)
        with torch.autocast(self._device.type, enabled=False):
            pe: Tensor = self.prompt_encoder.pe_layer.forward_with_coords(points.float() + 0.5, size)
            return pe

    def _sparse(self, prompts: PromptBatch) -> tuple[Tensor, Tensor]:
        """Tokens ``[N, P + 3, 256]`` (points, two box corners, text) and which of them are there."""
        kinds = torch.cat([layer.weight for layer in self.prompt_encoder.point_embeddings])
        signs = kinds[_SIGNS][prompts.labels.clamp(min=0)]
        corners = self._positions(prompts.boxes.reshape(-1, 2, 2)) + kinds[_CORNERS]
        text = self.text_embedding(prompts.text)[:, None]
        tokens = torch.cat([self._positions(prompts.points) + signs, corners, text], dim=1)
        has_box = prompts.has_box[:, None].expand(-1, 2)
        return tokens, torch.cat([prompts.labels >= 0, has_box, torch.ones_like(has_box[:, :1])], dim=1)

    def _dense(self, prompts: PromptBatch) -> Tensor:
        """What previous masks, clicks and boxes add to the embedding, ``[N, 256, g, g]``."""
        drawn: Tensor = self.drawn_prompts(prompts.points, prompts.labels, prompts.boxes, prompts.has_box)
        return self._previous(prompts) + drawn

    def _previous(self, prompts: PromptBatch) -> Tensor:
        nothing: Tensor = self.prompt_encoder.no_mask_embed.weight[:, :, None, None]
        nothing = nothing.expand(len(prompts), -1, self.grid, self.grid)
        if prompts.masks is None:
            return nothing
        given: Tensor = self.prompt_encoder.mask_downscaling(prompts.masks)
        return torch.where(prompts.has_mask[:, None, None, None], given, nothing.to(given.dtype))

    @property
    def _device(self) -> torch.device:
        return self.text_embedding.weight.device


def create_segmenter(
    encoder: str, patch: int, image_size: int, text_count: int, *, drop_path: float = 0.0
) -> PromptSegmenter:
    """A new segmenter with random weights; raises `ModelError` as `create_encoder` does."""
    if text_count < 1:
        raise ModelError("A segmenter knows at least one structure", value=text_count)
    return PromptSegmenter(create_encoder(encoder, patch, image_size, drop_path=drop_path), text_count)
