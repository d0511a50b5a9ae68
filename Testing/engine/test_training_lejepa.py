"""LeJEPA term by term, against lightly's parts on the same tensors and against known distributions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from lightly.loss.lejepa_loss import SIGReg, lejepa_invariance_loss
from lightly.models.modules.heads import LeJEPAProjectionHead
from pretraining_cases import NoiseFrames, recipe_file

from echoapex.training.methods.lejepa.head import Projector
from echoapex.training.methods.lejepa.loss import agreement_loss, draw_directions, gaussian_loss
from echoapex.training.methods.method import Timeline
from echoapex.training.methods.registry import build_method, read_pretraining_recipe


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_terms_are_those_of_lightly_also_in_their_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    directions = draw_directions(8, 64, torch.Generator().manual_seed(1))
    monkeypatch.setattr(SIGReg, "_generate_unit_vectors", lambda *_: directions)
    ours, theirs = (normal(5, 12, 8, seed=3).mul(1.7).requires_grad_() for _ in range(2))
    found = gaussian_loss(ours, directions), agreement_loss(ours, 2)
    expected = SIGReg(num_vectors=64)(theirs), lejepa_invariance_loss(all_proj=theirs, global_proj=theirs[:2])
    for mine, other in zip(found, expected, strict=True):
        assert torch.allclose(mine, other, rtol=1e-5)
    sum(found).backward()
    sum(expected).backward()
    assert torch.allclose(ours.grad, theirs.grad, rtol=1e-4, atol=1e-7)


def test_a_gaussian_is_told_from_what_is_none() -> None:
    """Also from what has its mean and variance, and a collapse is worst of all."""
    directions = draw_directions(4, 200, torch.Generator().manual_seed(1))
    assert torch.allclose(directions.norm(dim=0), torch.ones(200), atol=1e-6)
    gaussian = normal(1, 2000, 4)
    loss = {
        "gaussian": gaussian,
        "two": gaussian.sign(),
        "wide": 2 * gaussian,
        "moved": gaussian + 0.3,
        "collapsed": torch.zeros(1, 2000, 4),
    }
    found = {name: float(gaussian_loss(views, directions)) for name, views in loss.items()}
    assert found["gaussian"] < 1 and min(value for name, value in found.items() if name != "gaussian") > 10
    assert max(found, key=lambda name: found[name]) == "collapsed"


def test_all_views_of_a_frame_are_compared_with_its_large_ones(tmp_path: Path) -> None:
    changes = {"method": "lejepa", "prototypes": None, "bottleneck": None, "projection": 8, "directions": 16}
    recipe = read_pretraining_recipe(recipe_file(tmp_path, batch=3, local_count=2, drop_path=0.0, **changes))
    torch.manual_seed(0)
    method = build_method(recipe, Timeline(6, 3))
    rng = np.random.default_rng(1)
    views = method.collate([method.draw(frame, rng) for frame in NoiseFrames().frames[:3]], 0)
    found = method.losses(views, 4)
    tokens = [method.network(method.input(part))[0] for part in (views.large, views.small)]
    embeddings = method.projector(torch.cat(tokens)).reshape(4, 3, 8)
    assert torch.allclose(found["agreement"], (embeddings[:2].mean(0) - embeddings).square().mean(), rtol=1e-5)
    weight = recipe.gaussian_weight
    assert torch.allclose(found["loss"], (1 - weight) * found["agreement"] + weight * found["gaussian"])
    assert torch.equal(found["gaussian"], method.losses(views, 4)["gaussian"]), "lines are drawn from seed and step"
    assert not torch.equal(found["gaussian"], method.losses(views, 5)["gaussian"])
    found["loss"].backward()
    assert all(p.grad is not None for p in method.parameters() if p.requires_grad)


def test_the_head_is_that_of_lightly() -> None:
    head, peer = Projector(12, 16, 8), LeJEPAProjectionHead(12, 16, 8)
    for mine, other in zip(head.parameters(), peer.parameters(), strict=True):
        assert mine.shape == other.shape
        mine.data.copy_(other.data)
    tokens = normal(9, 12)
    assert torch.allclose(head(tokens), peer(tokens), atol=1e-6)
