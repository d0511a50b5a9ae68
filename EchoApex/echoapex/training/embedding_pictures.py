"""Pictures of what an encoder has learned: where its embeddings lie (t-SNE), and what its last block attends to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import EchoApexError

MOST_EMBEDDINGS, PERPLEXITY = 10_000, 50.0
"""As in figure 2 of the supplement of EchoApex (arXiv:2410.11092)."""

_SIDE, _LEGEND, _MARGIN, _DOT = 900, 260, 30, 3
_CELL, _HEADING, _GAP = 128, 24, 4
_INK, _PAPER = (40, 40, 40), (255, 255, 255)
_FONT_SIZE = 0.45

Picture = NDArray[np.uint8]


def tsne_places(embeddings: Tensor, seed: int) -> NDArray[np.float32]:
    """Places ``[N, 2]`` of ``embeddings [N, D]`` by t-SNE of scikit-learn, begun with the first principal components.

    The perplexity is `PERPLEXITY`, or a third of N where that is less. Raises `EchoApexError` where scikit-learn is not
    installed, or for fewer than 4 embeddings.
    """
    try:
        from sklearn.manifold import TSNE
    except ModuleNotFoundError:
        rule = 'A picture of embeddings by t-SNE needs scikit-learn: pip install "echoapex[training]"'
        raise EchoApexError(rule) from None
    if len(embeddings) < 4:
        raise EchoApexError("A picture of embeddings needs at least 4", value=len(embeddings))
    perplexity = min(PERPLEXITY, (len(embeddings) - 1) / 3)
    placed = TSNE(perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(
        embeddings.double().cpu().numpy()
    )
    return np.asarray(placed, np.float32)


def scatter_picture(places: NDArray[np.float32], labels: Sequence[str], title: str) -> Picture:
    """``places [N, 2]`` as dots in the colors of their ``labels``, which a legend names; ``uint8 [H, W, 3]`` in RGB."""
    import cv2

    names = sorted(set(labels))
    colors = dict(zip(names, _colors(len(names)), strict=True))
    height = max(_SIDE, _HEADING * (len(names) + 2)) + _HEADING
    picture = np.full((height, _SIDE + _LEGEND, 3), _PAPER, np.uint8)
    low, high = places.min(0), places.max(0)
    spread = float(max(high - low)) or 1.0
    pixels = _MARGIN + (places - (low + high) / 2 + spread / 2) / spread * (_SIDE - 2 * _MARGIN)
    # By turns: no label hides the others.
    for place in np.random.default_rng(0).permutation(len(places)):
        x, y = (round(float(value)) for value in pixels[place])
        cv2.circle(picture, (x, y + _HEADING), _DOT, colors[labels[place]], -1, cv2.LINE_AA)
    _write(picture, title, (_MARGIN, _HEADING - 6))
    for row, name in enumerate(names, start=1):
        y = _HEADING * (row + 1)
        cv2.circle(picture, (_SIDE + 12, y - 5), 6, colors[name], -1, cv2.LINE_AA)
        _write(picture, f"{name} ({sum(label == name for label in labels)})", (_SIDE + 26, y))
    return picture


def attention_picture(images: Sequence[Picture], attention: Tensor, names: Sequence[str]) -> Picture:
    """A row for each of ``images uint8 [H, W]``: itself, then what each head attends to, ``uint8 [rows, columns, 3]``.

    ``attention [B, heads, rows, columns]`` is that of the class token to the patches; its largest value in a head is
    the brightest. ``names`` stand beside the rows.
    """
    import cv2

    heads = attention.shape[1]
    width = (heads + 1) * (_CELL + _GAP) + _LEGEND // 2
    picture = np.full((len(images) * (_CELL + _GAP) + _HEADING, width, 3), _PAPER, np.uint8)
    for column, title in enumerate(["frame", *(f"head {number + 1}" for number in range(heads))]):
        _write(picture, title, (column * (_CELL + _GAP) + 6, _HEADING - 8))
    for row, (image, maps, name) in enumerate(zip(images, attention.float().cpu().numpy(), names, strict=True)):
        frame = cv2.resize(image, (_CELL, _CELL), interpolation=cv2.INTER_AREA)
        cells = [cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB), *(_over(np.asarray(frame, np.uint8), one) for one in maps)]
        top = _HEADING + row * (_CELL + _GAP)
        for column, cell in enumerate(cells):
            left = column * (_CELL + _GAP)
            picture[top : top + _CELL, left : left + _CELL] = cell
        _write(picture, name, ((heads + 1) * (_CELL + _GAP) + 6, top + _CELL // 2))
    return picture


def write_picture(file: Path, picture: Picture) -> None:
    """Writes ``picture uint8 [H, W, 3]`` in RGB as PNG. Raises `EchoApexError` where that cannot be."""
    import cv2

    from ..io.safe_files import write_atomically

    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert done
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, data.tobytes())
    except OSError as error:
        raise EchoApexError("A picture of the run cannot be written", value=error.strerror, file=file) from None


def _over(frame: Picture, attention: NDArray[np.floating[Any]]) -> Picture:
    """``attention [rows, columns]`` as a warm light on the dimmed ``frame``."""
    import cv2

    scaled = attention / max(float(attention.max()), 1e-12)
    light = cv2.resize(scaled, frame.shape[::-1], interpolation=cv2.INTER_NEAREST)[..., None]
    dim = frame[..., None] * 0.45
    return np.asarray(np.clip(dim + light * np.array([190.0, 110.0, 20.0]), 0, 255), np.uint8)


def _colors(count: int) -> list[tuple[int, int, int]]:
    """Colors of as many hues, every other one darker."""
    import cv2

    hues = np.array([[(180 * place / max(count, 1), 210, 225 if place % 2 else 160) for place in range(count)]])
    made = cv2.cvtColor(hues.astype(np.uint8).reshape(1, -1, 3), cv2.COLOR_HSV2RGB)[0] if count else []
    return [(int(red), int(green), int(blue)) for red, green, blue in made]


def _write(picture: Picture, text: str, place: tuple[int, int]) -> None:
    import cv2

    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, _FONT_SIZE, _INK, 1, cv2.LINE_AA)
