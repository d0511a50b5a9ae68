"""The pictures of a run: what the encoder attends to at each look, and where embeddings lie at its end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..errors import EchoApexError
from .drawn_frames import Say
from .embedding_pictures import MOST_EMBEDDINGS, attention_picture, scatter_picture, tsne_places, write_picture
from .embedding_probe import Embed
from .frame_source import SectorFrame
from .methods.crop_method import CropMethod
from .methods.masked_transformer import MaskedTransformer


@torch.no_grad()
def picture_attention(method: CropMethod, frames: Sequence[SectorFrame], file: Path | None) -> None:
    """Writes what the last block attends to in ``frames``; nothing of a convolutional network. None writes nothing.

    All processes of a team call it, since the network may be spread over them.
    """
    backbone = method.backbone
    if not isinstance(backbone, MaskedTransformer) or not frames:
        return
    images = [frame.image for frame in frames]
    attention = backbone.last_attention(method.input(method.whole(images)[None]))
    if file is not None:
        write_picture(file, attention_picture(images, attention, [frame.view or "" for frame in frames]))


def picture_embeddings(frames: Sequence[SectorFrame], embed: Embed, seed: int, file: Path | None, say: Say) -> None:
    """Writes where embeddings of ``frames`` with views lie, of `MOST_EMBEDDINGS` at most; says where it cannot.

    All processes of a team call it, as `picture_attention`.
    """
    frames = [frame for frame in frames if frame.view is not None]
    if len(frames) > MOST_EMBEDDINGS:
        frames = [frames[int(place)] for place in np.linspace(0, len(frames) - 1, MOST_EMBEDDINGS)]
    if not frames:
        return
    embeddings = embed([frame.image for frame in frames])
    if file is None:
        return
    try:
        places = tsne_places(embeddings, seed)
    except EchoApexError as refusal:
        say(str(refusal))
        return
    title = f"t-SNE of the embeddings of {len(frames)} frames, by view"
    write_picture(file, scatter_picture(places, [str(frame.view) for frame in frames], title))
