"""What is told of embeddings: views by a linear layer, and pictures by t-SNE and attention."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional

from echoapex.errors import EchoApexError
from echoapex.training.embedding_pictures import attention_picture, scatter_picture, tsne_places, write_picture
from echoapex.training.linear_probe import linear_labels
from echoapex.training.methods.masked_transformer import MaskedTransformer


def groups(count: int, apart: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings around three centers, and of which each is."""
    generator = torch.Generator().manual_seed(seed)
    centers = torch.randn(3, 12, generator=torch.Generator().manual_seed(9)) * apart
    labels = torch.arange(count) % 3
    return centers[labels] + torch.randn(count, 12, generator=generator), labels


def test_a_linear_layer_tells_what_neighbors_cannot() -> None:
    """The side of a plane on which a point lies, where most of the spread lies along it."""
    generator = torch.Generator().manual_seed(2)
    points = torch.randn(400, 6, generator=generator) * torch.tensor([0.02, 5, 5, 5, 5, 5])
    labels = (points[:, 0] > 0).long()
    told = linear_labels(points[:300], labels[:300], points[300:])
    assert (told == labels[300:]).float().mean() > 0.95
    assert torch.equal(told, linear_labels(points[:300], labels[:300], points[300:])), "nothing in it is random"


def test_each_class_counts_alike_and_one_that_is_not_known_is_never_told() -> None:
    known, labels = groups(300, 0.8)
    few = torch.cat([torch.where(labels == 0)[0], torch.where(labels == 2)[0][:6]])
    asked, truth = groups(300, 0.8, seed=5)
    told = linear_labels(known[few], labels[few], asked)
    assert not (told == 1).any()
    assert (told[truth == 2] == 2).float().mean() > 0.7


def test_embeddings_of_a_kind_lie_together() -> None:
    embeddings, labels = groups(90, 4.0)
    places = tsne_places(embeddings, seed=1)
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 1e9 * np.eye(90)
    assert (labels[apart.argmin(1)] == labels).float().mean() > 0.95
    assert np.array_equal(places, tsne_places(embeddings, seed=1))
    with pytest.raises(EchoApexError, match="at least 4"):
        tsne_places(embeddings[:3], seed=1)


def test_without_scikit_learn_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(EchoApexError, match="needs scikit-learn"):
        tsne_places(torch.zeros(9, 2), seed=0)


def test_each_label_has_its_color_in_dots_and_legend() -> None:
    places = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    picture = scatter_picture(places, ["A4C", "A4C", "PLAX", "A2C"], "4 embeddings")
    colored = picture[(picture.max(2).astype(int) - picture.min(2)) > 100]
    hues = cv2.cvtColor(colored[None], cv2.COLOR_RGB2HSV)[0, :, 0] // 30
    assert len(set(hues.tolist())) == 3
    corner = picture[24:300, :300]
    assert (corner.max(2).astype(int) - corner.min(2) > 100).any()


def test_attention_is_brightest_where_it_is_largest(tmp_path: Path) -> None:
    attention = torch.zeros(1, 2, 4, 4)
    attention[0, 0, 0, 3], attention[0, 1, 2, 0] = 0.3, 0.01
    picture = attention_picture([np.zeros((64, 64), np.uint8)], attention, ["A4C"])
    first, second = picture[24:152, 132:260].sum(2), picture[24:152, 264:392].sum(2)
    assert np.unravel_index(first.argmax(), first.shape) == (0, 96)
    assert np.unravel_index(second.argmax(), second.shape) == (64, 0)
    write_picture(tmp_path / "new" / "attention.png", picture)
    shown = cv2.cvtColor(cv2.imread(str(tmp_path / "new" / "attention.png")), cv2.COLOR_BGR2RGB)
    assert np.array_equal(shown, picture)


def test_the_attention_of_the_last_block_is_that_which_it_computes_by() -> None:
    """Values that name their patch come out of the attention as its shares."""
    torch.manual_seed(3)
    network = MaskedTransformer("vit_tiny", 16, 64, 0.0).eval()
    images = torch.randn(2, 1, 64, 64)
    found = network.last_attention(images)
    assert found.shape == (2, 3, 4, 4) and (found > 0).all()
    attention = network.network.blocks[-1].attn
    seen: list[torch.Tensor] = []
    attention.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    with torch.no_grad():
        network(images)
        query, key, _ = attention.qkv(seen[0]).reshape(2, 17, 3, 3, 64).permute(2, 0, 3, 1, 4)
        values = torch.eye(17).expand(2, 3, 17, 17)
        shares = functional.scaled_dot_product_attention(query, key, values)[:, :, 0]
    assert torch.allclose(found.flatten(2), shares[..., 1:], atol=1e-6)
    assert (found.flatten(2).sum(2) < 1).all(), "the rest is the token's for itself"
