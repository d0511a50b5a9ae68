"""DINO and DINOv2 term by term, against lightly's parts on the same tensors and against published numbers."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightly.loss import DINOLoss, IBOTPatchLoss, KoLeoLoss
from lightly.loss.swav_loss import sinkhorn
from lightly.models.modules.heads import DINOProjectionHead, DINOv2ProjectionHead
from lightly.models.utils import random_block_mask_image, update_momentum
from torch import Tensor, nn

from echoapex.training.frame_source import SectorFrame
from echoapex.training.methods.batch_subset_depth import add_branch
from echoapex.training.methods.dino.head import ProjectionHead
from echoapex.training.methods.dino.loss import Center, view_loss
from echoapex.training.methods.dino.method import Dino
from echoapex.training.methods.dino.recipe import DinoRecipe
from echoapex.training.methods.dino.views import crop_box, multi_crop
from echoapex.training.methods.dinov2.koleo import koleo_loss
from echoapex.training.methods.dinov2.masks import block_mask, draw_masks, patch_weights
from echoapex.training.methods.dinov2.method import Dinov2
from echoapex.training.methods.dinov2.patch_loss import patch_loss
from echoapex.training.methods.dinov2.recipe import Dinov2Recipe
from echoapex.training.methods.dinov2.sinkhorn import sinkhorn_knopp
from echoapex.training.methods.masked_transformer import MaskedTransformer
from echoapex.training.methods.method import Timeline
from echoapex.training.methods.parameter_groups import pace_of
from echoapex.training.schedules import cosine, linear, scaled_rate

SIZES = dict(encoder="vit_tiny", global_size=48, local_size=32, local_count=2, prototypes=32, hidden=16, bottleneck=8)
COMMON = dict(id="tiny", name="tiny", batch=4, epochs=4, warmup_epochs=1.0, drop_path=0.2, **SIZES)
DINO = DinoRecipe(method="dino", **COMMON)
DINOV2 = Dinov2Recipe(method="dinov2", **COMMON)
TIME = Timeline(steps=40, epoch_steps=10)


def logits(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def frames(count: int, size: int = 64) -> list[np.ndarray]:
    """Fans of noise."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:size, :size]
    fan = (np.abs(x - size / 2) < 0.6 * y + 2) & (np.hypot(x - size / 2, y) < size)
    return [np.where(fan, rng.integers(20, 255, (size, size)), 0).astype(np.uint8) for _ in range(count)]


def views_of(method: Dino, seed: int = 1):
    rng = np.random.default_rng(seed)
    return method.collate([method.draw(SectorFrame(image, "p"), rng) for image in frames(4)], seed)


# ------------------------------------------------------------------ losses
def test_the_loss_between_views_and_its_center_are_those_of_lightly() -> None:
    theirs, center = DINOLoss(output_dim=24, teacher_temp=0.05, student_temp=0.1), Center(24)
    for step in range(3):
        teacher, student = logits(2, 5, 24, seed=step), logits(10, 5, 24, seed=step + 10)
        expected = theirs(list(teacher), list(student))
        found = view_loss(center.targets(teacher, 0.05), list(student), 0.1)
        center.update(teacher.flatten(0, 1))
        assert torch.allclose(found, expected, atol=1e-6)
        assert torch.allclose(center.mean, theirs.center[0], atol=1e-6)


def test_the_loss_between_views_is_the_sum_of_the_parts_of_dinov2() -> None:
    """Local terms over 18, and twice the mean of the swapped global ones over 18, as in ``ssl_meta_arch.py``."""
    targets, student = logits(2, 5, 24).softmax(-1), logits(10, 5, 24, seed=1)

    def term(target: Tensor, told: Tensor) -> Tensor:
        return -(target * (told / 0.1).log_softmax(-1)).sum(-1).mean()

    local = sum(term(target, told) for target in targets for told in student[2:]) / 18
    both = term(targets.flip(0).flatten(0, 1), student[:2].flatten(0, 1)) * 2 / 18
    assert torch.allclose(view_loss(targets, list(student), 0.1), local + both, atol=1e-6)


def test_the_loss_of_hidden_patches_is_that_of_lightly() -> None:
    theirs, center = IBOTPatchLoss(output_dim=16, teacher_temp=0.06), Center(16)
    masks = draw_masks(6, (7, 7), 0.5, (0.1, 0.5), random.Random(2))
    for step in range(3):
        teacher, student = logits(int(masks.sum()), 16, seed=step), logits(int(masks.sum()), 16, seed=step + 9)
        expected = theirs(teacher, student, torch.from_numpy(masks))
        found = patch_loss(center.targets(teacher, 0.06), student, torch.from_numpy(patch_weights(masks)), 6, 0.1)
        center.update(teacher)
        assert torch.allclose(found, expected, atol=1e-6)


def test_koleo_is_that_of_lightly_also_in_its_gradient() -> None:
    ours, theirs = (logits(9, 12, seed=4).requires_grad_() for _ in range(2))
    found, expected = koleo_loss(ours), KoLeoLoss()(theirs)
    found.backward()
    expected.backward()
    assert torch.allclose(found, expected, atol=1e-6) and torch.allclose(ours.grad, theirs.grad, atol=1e-6)
    with pytest.raises(ValueError, match="at least 2"):
        koleo_loss(logits(1, 12))


def test_sinkhorn_knopp_is_that_of_swav_and_shares_out_evenly() -> None:
    given = logits(20, 8)
    found = sinkhorn_knopp(given, 0.5)
    assert torch.allclose(found, sinkhorn(given.clone(), iterations=3, epsilon=0.5), atol=1e-6)
    assert torch.allclose(found.sum(1), torch.ones(20), atol=1e-5)
    even = sinkhorn_knopp(given, 0.5, iterations=100).sum(0)
    assert torch.allclose(even, torch.full((8,), 20 / 8), atol=1e-3)
    assert sinkhorn_knopp(1000 * given, 0.04).isfinite().all()


@pytest.mark.parametrize("theirs", [DINOProjectionHead, DINOv2ProjectionHead])
def test_the_head_is_that_of_lightly(theirs: type[nn.Module]) -> None:
    peer, head = theirs(12, 16, 8, 24), ProjectionHead(12, 24, 16, 8)
    ours, given = list(head.layers.parameters()), list(peer.layers.parameters())
    for mine, other in zip(ours, given, strict=True):
        mine.data.copy_(other.data)
    head.prototypes.data.copy_(peer.last_layer.weight_v.data)
    tokens = logits(5, 12)
    assert torch.allclose(head(tokens), peer(tokens), atol=1e-6)
    assert head(tokens).abs().max() <= 1 + 1e-6


# ------------------------------------------------------------------ masks and views
def test_blocks_of_hidden_patches_are_drawn_as_lightly_draws_them() -> None:
    for seed in range(20):
        count = 6 + seed
        random.seed(seed)
        expected = random_block_mask_image((8, 8), count)
        assert np.array_equal(block_mask((8, 8), count, random.Random(seed)), expected.numpy())


def test_half_of_the_crops_hide_patches_by_ratios_spread_over_the_batch() -> None:
    masks = draw_masks(64, (14, 14), 0.5, (0.1, 0.5), random.Random(0))
    ratios = np.sort(masks.reshape(64, -1).mean(1))
    assert (ratios[:32] == 0).all() and ratios[32:].max() <= 0.5
    # A block that does not fit any more leaves a few patches too few.
    expected = np.linspace(0.1, 0.5, 33)
    assert np.abs(ratios[32:] - (expected[1:] + expected[:-1]) / 2).max() < 0.03
    weights = patch_weights(masks)
    assert weights.sum() == pytest.approx(32)


def test_crops_lie_inside_the_sector_and_keep_their_side() -> None:
    image = frames(1)[0]
    image[:, : image.shape[1] // 2] //= 4
    recipe = replace(DINO, tone=0.0, blur=(0.1, 0.1), local_count=40, global_scale=(0.9, 1.0), local_scale=(0.05, 0.1))
    large, small = multi_crop(image, recipe, np.random.default_rng(0))
    assert large.shape == (2, 48, 48) and small.shape == (40, 32, 32) and large.dtype == np.uint8
    assert np.mean([(crop > 1).mean() for crop in small]) > 0.75
    assert (large[..., :24].mean((1, 2)) < 0.6 * large[..., 24:].mean((1, 2))).all()
    mirrored, _ = multi_crop(image, replace(recipe, mirrored=1.0), np.random.default_rng(0))
    assert (mirrored[..., :24].mean((1, 2)) > mirrored[..., 24:].mean((1, 2))).all()


def test_where_no_crop_lies_in_the_sector_the_best_one_is_taken() -> None:
    inside = np.zeros((65, 65))
    sector = np.zeros((64, 64))
    sector[40:44, 40:44] = 1
    inside[1:, 1:] = sector.cumsum(0).cumsum(1)
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(50):
        top, left, rows, columns = crop_box(inside, (0.1, 0.2), 1.0, rng)
        shares.append(sector[top : top + rows, left : left + columns].sum() / 16)
    assert np.mean(shares) > 0.8


# ------------------------------------------------------------------ schedules
def test_schedules_have_the_published_values() -> None:
    """vitl16_short of DINOv2: 2048 frames, 100 epochs of 1250 steps, 10 of warm-up, 30 until temperature 0.07."""
    rate = scaled_rate(0.004, "sqrt", 2048, 1024)
    assert rate == pytest.approx(0.0056569, rel=1e-4)
    assert scaled_rate(5e-4, "linear", 1024, 256) == pytest.approx(0.002)
    total, warmup = 125_000, 12_500
    assert cosine(0, total, rate, 1e-6, warmup=warmup) == 0
    assert cosine(warmup - 1, total, rate, 1e-6, warmup=warmup) == pytest.approx(rate)
    assert cosine((total + warmup) // 2, total, rate, 1e-6, warmup=warmup) == pytest.approx((rate + 1e-6) / 2, rel=1e-3)
    assert cosine(total, total, rate, 1e-6, warmup=warmup) == 1e-6
    assert cosine(0, total, 0.992, 1.0) == 0.992 and cosine(total - 1, total, 0.992, 1.0) == pytest.approx(1.0)
    assert cosine(total // 2, total, 0.04, 0.4) == pytest.approx(0.22)
    temperatures = [linear(step, 37_500, 0.04, 0.07) for step in (0, 18_750, 37_499, 60_000)]
    assert temperatures == pytest.approx([0.04, 0.055, 0.07, 0.07], rel=1e-4)


def test_a_whole_schedule_is_that_of_the_reference_code() -> None:
    """``np.linspace`` for the warm-up, then ``end + (start - end) (1 + cos(pi i / n)) / 2``."""
    total, warmup = 50, 8
    steps = np.arange(total - warmup)
    expected = np.concatenate(
        [np.linspace(0, 2.0, warmup), 0.1 + 0.5 * 1.9 * (1 + np.cos(math.pi * steps / len(steps)))]
    )
    assert [cosine(step, total, 2.0, 0.1, warmup=warmup) for step in range(total)] == pytest.approx(expected.tolist())


def test_layers_learn_at_the_pace_of_dinov2() -> None:
    """vit_large, decay 0.9: the patch embedding at 0.9 ** 25 * 0.2, the last block at 0.9, norm and head at 1."""
    assert pace_of("network.patch_embed.proj.weight", (2, 2), 24, 0.9, 0.2).rate == pytest.approx(0.9**25 * 0.2)
    assert pace_of("network.pos_embed", (1, 2, 2), 24, 0.9, 0.2).rate == pytest.approx(0.9**25)
    assert pace_of("hidden", (2,), 24, 0.9, 0.2).rate == pytest.approx(0.9**25)
    assert pace_of("network.blocks.0.mlp.fc1.weight", (2, 2), 24, 0.9, 0.2).rate == pytest.approx(0.9**24)
    assert pace_of("network.blocks.23.norm1.weight", (2,), 24, 0.9, 0.2).rate == pytest.approx(0.9)
    assert pace_of("network.norm.weight", (2,), 24, 0.9, 0.2).rate == 1
    head = pace_of("layers.0.weight", (2, 2), 0, 0.9, 0.2)
    assert (head.rate, head.decay, head.last_layer) == (1, 1, False)
    assert pace_of("prototypes", (2, 2), 0, 0.9, 0.2).last_layer
    assert [pace_of(name, (2,), 24, 0.9, 0.2).decay for name in ("network.norm.weight", "layers.0.bias")] == [0, 0]


def test_the_pace_of_a_step_reaches_the_optimizer() -> None:
    method = Dinov2(DINOV2, TIME)
    optimizer = method.optimizer()
    waiting = [group for group in optimizer.param_groups if group["pace"][2]]
    assert len(waiting) == 1
    for step, frozen in ((9, True), (10, False)):
        facts = method.set_pace(optimizer, step)
        assert (waiting[0]["lr"] == 0) is frozen
        patch = min(group["lr"] for group in optimizer.param_groups if group is not waiting[0])
        assert patch == pytest.approx(facts["learning_rate"] * 0.9**13 * 0.2)
    assert facts["learning_rate"] == pytest.approx(0.004 * math.sqrt(4 / 1024))
    assert sum(p.numel() for g in optimizer.param_groups for p in g["params"]) == sum(
        p.numel() for p in method.student.parameters()
    )


# ------------------------------------------------------------------ networks
def test_the_teacher_moves_as_lightly_moves_it() -> None:
    method = Dino(DINO, TIME)
    peer, student = nn.Linear(3, 3), nn.Linear(3, 3)
    method.teacher["head"], method.student["head"] = nn.Linear(3, 3), student
    method.teacher["head"].load_state_dict(peer.state_dict())
    method._seen = {"cls": logits(4, 32)}
    method.after_step(20)
    update_momentum(student, peer, m=0.998)
    assert method.momentum(20) == pytest.approx(0.998)
    assert torch.allclose(method.teacher["head"].weight, peer.weight, atol=1e-7)


def test_dropped_paths_compute_a_part_of_the_batch_and_keep_the_expectation() -> None:
    tokens, seen = torch.zeros(10, 2, 3), []

    def branch(part: Tensor) -> Tensor:
        seen.append(len(part))
        return torch.ones_like(part)

    torch.manual_seed(0)
    found = add_branch(tokens, branch, 0.3)
    assert seen == [7]
    assert sorted(found[:, 0, 0].tolist()) == pytest.approx([0] * 3 + [10 / 7] * 7)
    assert torch.equal(add_branch(tokens, branch, 0.0), torch.ones_like(tokens))


def test_without_dropped_paths_the_network_is_timms_own() -> None:
    network = MaskedTransformer("vit_tiny", 16, 64, 0.5).eval()
    images = logits(2, 1, 64, 64)
    with torch.no_grad():
        cls, patches = network(images)
        tokens = network.network.forward_features(images)
    assert torch.allclose(cls, tokens[:, 0], atol=1e-5) and torch.allclose(patches, tokens[:, 1:], atol=1e-5)


def test_what_a_hidden_patch_shows_does_not_matter() -> None:
    network = MaskedTransformer("vit_tiny", 16, 64, 0.0).eval()
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[:, 1, 2] = True
    images = logits(2, 1, 64, 64)
    changed = images.clone()
    changed[..., 16:32, 32:48] += 3
    with torch.no_grad():
        assert torch.equal(network(images, masks)[1], network(changed, masks)[1])
        assert not torch.allclose(network(images)[1], network(changed)[1])


@pytest.mark.parametrize(
    ("recipe", "method"),
    [
        (DINO, Dino),
        (replace(DINO, free_norm=True, patch=8, local_count=0), Dino),
        (DINOV2, Dinov2),
        (replace(DINOV2, centering="sinkhorn_knopp", separate_head=True, patch_prototypes=20), Dinov2),
        (replace(DINOV2, koleo_weight=0.0), Dinov2),
    ],
)
def test_each_method_learns_to_tell_its_views(recipe: DinoRecipe, method: type[Dino]) -> None:
    torch.manual_seed(0)
    learner = method(replace(recipe, learning_rate=0.5, warmup_epochs=0.1, drop_path=0.0), TIME).train()
    optimizer, views = learner.optimizer(), views_of(learner)
    start = {name: value.clone() for name, value in learner.teacher.state_dict().items()}
    told = []
    for step in range(10, 22):
        learner.set_pace(optimizer, step)
        facts = learner.losses(views, step)
        optimizer.zero_grad(set_to_none=True)
        facts["loss"].backward()
        assert learner.clip_gradients().isfinite()
        optimizer.step()
        learner.after_step(step)
        told.append(float(facts["loss"].detach()))
    assert min(told[-3:]) < told[0] - 0.02
    moved = [name for name, value in learner.teacher.state_dict().items() if not torch.equal(value, start[name])]
    assert len(moved) > 0.9 * len(start)
    assert not any(p.requires_grad for p in learner.teacher.parameters()) and not learner.teacher.training


def test_gradients_are_cut_for_each_parameter_in_dino_and_each_network_in_dinov2() -> None:
    one, two = Dino(replace(DINO, clip=0.1), TIME), Dinov2(replace(DINOV2, clip=0.1), TIME)
    for method in (one, two):
        for parameter in method.student.parameters():
            parameter.grad = torch.ones_like(parameter)
        method.clip_gradients()
    assert all(float(p.grad.norm()) == pytest.approx(0.1, rel=1e-3) for p in one.student.parameters())
    for part in two.student.values():
        norm = torch.stack([p.grad.norm() for p in part.parameters()]).norm()
        assert float(norm) == pytest.approx(0.1, rel=1e-3)
