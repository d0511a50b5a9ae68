"""Encoder and prompt segmenter: shapes, what prompts do, and that a batch changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from segment_anything.modeling.transformer import TwoWayTransformer
from torch.utils.flop_counter import FlopCounterMode

from echoapex.errors import ModelError
from echoapex.models.image_encoder import ENCODERS, FINE_CHANNELS, Features, create_encoder
from echoapex.models.prompt_segmenter import PromptBatch, PromptSegmenter, create_segmenter
from echoapex.models.two_way_transformer import PromptTransformer

SIDE = 64
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
CHOICES = [(name, patch) for name, spec in ENCODERS.items() for patch in spec.patches]


@pytest.fixture(scope="module")
def segmenter() -> PromptSegmenter:
    torch.manual_seed(1)
    return create_segmenter("vit_tiny", 16, SIDE, text_count=3).eval()


@pytest.fixture(scope="module")
def features(segmenter: PromptSegmenter) -> Features:
    with torch.inference_mode():
        return segmenter.encode(torch.randn(2, 1, SIDE, SIDE))


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    torch.manual_seed(0)
    yield


def mixed_prompts(segmenter: PromptSegmenter) -> PromptBatch:
    """One prompt of each kind, and one of all kinds at once."""
    prompts = PromptBatch.empty(6, points=3)
    prompts.points[0, 0] = torch.tensor([20.0, 31.0])
    prompts.labels[0, 0] = 1
    prompts.points[1, :3] = torch.rand(3, 2) * SIDE
    prompts.labels[1, :3] = torch.tensor([1, 0, 0])
    prompts.boxes[2], prompts.has_box[2] = torch.tensor([5.0, 6.0, 40.0, 50.0]), True
    prompts.text[3] = 2
    prompts.masks = segmenter.mask_prompt(torch.randn(6, SIDE // 2, SIDE // 2) * 20)
    prompts.has_mask[4:] = True
    prompts.points[5, :2] = torch.rand(2, 2) * SIDE
    prompts.labels[5, :2] = torch.tensor([0, 1])
    prompts.boxes[5], prompts.has_box[5], prompts.text[5] = torch.tensor([1.0, 2.0, 30.0, 60.0]), True, 3
    return prompts


def without_padding(prompts: PromptBatch, row: int) -> PromptBatch:
    """One prompt of a batch as it would be built alone."""
    one = prompts.select(slice(row, row + 1))
    count = int((one.labels >= 0).sum())
    one.points, one.labels = one.points[:, :count], one.labels[:, :count]
    if not one.has_mask.any():
        one.masks = None
    return one


@pytest.mark.parametrize(("name", "patch"), CHOICES)
def test_every_encoder_gives_features_of_the_promised_shapes(name: str, patch: int) -> None:
    side = 112 if patch == 14 else 64
    encoder = create_encoder(name, patch, side).eval()
    with torch.inference_mode():
        features = encoder(torch.randn(2, 1, side, side))
    assert (encoder.grid, encoder.stride) == (side // patch, patch)
    assert features.embedding.shape == (2, 256, encoder.grid, encoder.grid)
    assert features.cls.shape == (2, encoder.embed_dim)
    expected = [
        (2, channels, side // stride, side // stride) for channels, stride in zip(FINE_CHANNELS, (2, 4, 8), strict=True)
    ]
    assert [tuple(level.shape) for level in features.fine] == expected
    assert all(value.isfinite().all() for value in (features.embedding, features.cls, *features.fine))


@pytest.mark.parametrize("patch", [8, 14])
def test_masks_are_half_the_input_for_patches_other_than_16(patch: int) -> None:
    side = 98 if patch == 14 else 64
    model = create_segmenter("vit_tiny", patch, side, text_count=1).eval()
    with torch.inference_mode():
        logits, dice = model(torch.randn(1, 1, side, side), torch.zeros(2, dtype=torch.long), PromptBatch.empty(2))
    assert logits.shape == (2, side // 2, side // 2)
    assert dice.shape == (2,)


def test_encoder_takes_crops_smaller_than_its_image() -> None:
    encoder = create_encoder("vit_tiny", 16, 96).eval()
    with torch.inference_mode():
        tokens = encoder.tokens(torch.randn(1, 1, 48, 48))
    assert tokens.patches.shape == (1, encoder.embed_dim, 3, 3)


def test_public_weights_fit_the_backbone() -> None:
    import timm

    public = timm.create_model("vit_tiny_patch16_224", num_classes=0, in_chans=1, img_size=64)
    create_encoder("vit_tiny", 16, 64).backbone.network.load_state_dict(public.state_dict())


@pytest.mark.parametrize("name", ["vit_tiny", "resnet50"])
def test_detail_reaches_the_tokens(name: str) -> None:
    encoder = create_encoder(name, 16, 64).eval()
    images = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        before = encoder.tokens(images).patches
        encoder.detail.coarse[-1].weight.neg_()
        after = encoder.tokens(images).patches
    assert (after - before).abs().mean() > 0.1


def test_detail_costs_little() -> None:
    encoder = create_encoder("vit_tiny", 16, 160)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        encoder.detail(torch.zeros(1, 1, 160, 160))
    assert counter.get_total_flops() < 0.35e9


@pytest.mark.parametrize(
    ("name", "patch", "side", "rule"),
    [
        ("vit_giant", 16, 160, "encoder must be one of"),
        ("vit_tiny", 15, 150, "takes patches of 8, 14, 16"),
        ("resnet50", 8, 160, "takes patches of 16"),
        ("vit_tiny", 16, 161, "multiple of the patch"),
        ("vit_tiny", 16, 0, "multiple of the patch"),
        ("vit_tiny", 16, -160, "multiple of the patch"),
        ("vit_tiny", 16, 16_000, "multiple of the patch"),
    ],
)
def test_architectures_that_cannot_be_are_refused(name: str, patch: int, side: int, rule: str) -> None:
    with pytest.raises(ModelError, match=rule):
        create_encoder(name, patch, side)


def test_transformer_equals_segment_anything_where_all_tokens_are_present() -> None:
    settings = {"depth": 2, "embedding_dim": 32, "num_heads": 4, "mlp_dim": 64}
    theirs = TwoWayTransformer(**settings).eval()
    ours = PromptTransformer(**settings).eval()
    ours.load_state_dict(theirs.state_dict())
    image, pe, tokens = torch.randn(3, 32, 5, 5), torch.randn(1, 32, 5, 5), torch.randn(3, 7, 32)
    with torch.inference_mode():
        expected = theirs(image, pe.expand(3, -1, -1, -1), tokens)
        for present in (None, torch.ones(3, 7, dtype=torch.bool)):
            for got, want in zip(ours(image, pe, tokens, present), expected, strict=True):
                torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_absent_tokens_have_no_influence() -> None:
    transformer = PromptTransformer(depth=2, embedding_dim=32, num_heads=4, mlp_dim=64).eval()
    image, pe, tokens = torch.randn(1, 32, 5, 5), torch.randn(1, 32, 5, 5), torch.randn(1, 7, 32)
    present = torch.tensor([[True] * 4 + [False] * 3])
    with torch.inference_mode():
        short_tokens, short_image = transformer(image, pe, tokens[:, :4])
        long_tokens, long_image = transformer(image, pe, tokens, present)
    torch.testing.assert_close(long_tokens[:, :4], short_tokens, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(long_image, short_image, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_mixed_batch_equals_one_by_one(segmenter: PromptSegmenter, device: str) -> None:
    index = torch.tensor([0, 1, 0, 1, 1, 0], device=device)
    model = segmenter.to(device)
    try:
        prompts = mixed_prompts(model).to(device)
        with torch.inference_mode():
            features = model.encode(torch.randn(2, 1, SIDE, SIDE, device=device))
            logits, dice = model.decode(features, index, prompts)
            for row in range(len(prompts)):
                one = without_padding(prompts, row)
                alone, alone_dice = model.decode(features, index[row : row + 1], one)
                torch.testing.assert_close(alone[0], logits[row], atol=1e-4, rtol=1e-4)
                torch.testing.assert_close(alone_dice[0], dice[row], atol=1e-4, rtol=1e-4)
    finally:
        segmenter.to("cpu")
    assert logits.shape == (6, SIDE // 2, SIDE // 2)
    assert ((dice > 0) & (dice < 1)).all()


def test_every_part_of_a_prompt_decides(segmenter: PromptSegmenter, features: Features) -> None:
    """Each change to a prompt of all kinds changes its mask; values of absent parts do not."""
    base = mixed_prompts(segmenter).select(slice(5, 6))
    changes = {
        "points": lambda prompt: prompt.points[0, 0].add_(9.0),
        "labels": lambda prompt: prompt.labels[0, 0].fill_(1),
        "boxes": lambda prompt: prompt.boxes[0].add_(5.0),
        "text": lambda prompt: prompt.text.fill_(1),
        "no text": lambda prompt: prompt.text.fill_(0),
        "no box": lambda prompt: prompt.has_box.fill_(False),
        "masks": lambda prompt: prompt.masks.neg_(),
        "no mask": lambda prompt: prompt.has_mask.fill_(False),
    }
    index = torch.tensor([0])
    with torch.inference_mode():
        expected, _ = segmenter.decode(features, index, base)
        for name, change in changes.items():
            prompt = base.to("cpu").select(torch.tensor([0]))
            change(prompt)
            logits, _ = segmenter.decode(features, index, prompt)
            assert (logits - expected).abs().max() > 1e-5, name
        padding = base.select(torch.tensor([0]))
        padding.points[0, 2] += 30.0
        assert torch.equal(segmenter.decode(features, index, padding)[0], expected)


def test_blanked_prompts_all_give_the_same_mask(segmenter: PromptSegmenter, features: Features) -> None:
    prompts, index = mixed_prompts(segmenter), torch.zeros(6, dtype=torch.long)
    with torch.inference_mode():
        asked, _ = segmenter.decode(features, index, prompts)
        blank, _ = segmenter.decode(features, index, prompts, zero_prompts=True)
    torch.testing.assert_close(blank, blank[:1].expand_as(blank), atol=1e-5, rtol=1e-5)
    assert all((asked[row] - blank[row]).abs().max() > 1e-3 for row in range(6))


def test_all_parameters_learn(segmenter: PromptSegmenter) -> None:
    model = create_segmenter("vit_tiny", 16, SIDE, text_count=3)
    logits, dice = model(torch.randn(2, 1, SIDE, SIDE), torch.tensor([0, 1, 0, 1, 1, 0]), mixed_prompts(segmenter))
    (logits.square().mean() + dice.square().mean()).backward()
    unused = {"prompt_encoder.not_a_point_embed.weight"}
    silent = {name for name, value in model.named_parameters() if value.grad is None or not value.grad.abs().any()}
    assert silent == unused
    assert all(value.grad is None or value.grad.isfinite().all() for value in model.parameters())


@pytest.mark.parametrize("device", DEVICES)
def test_half_precision_agrees_with_single(segmenter: PromptSegmenter, device: str) -> None:
    model = segmenter.to(device)
    try:
        images, index = torch.randn(2, 1, SIDE, SIDE, device=device), torch.tensor([0, 1, 0, 1, 1, 0], device=device)
        prompts = mixed_prompts(model).to(device)
        with torch.inference_mode():
            expected, expected_dice = model(images, index, prompts)
            with torch.autocast(device, torch.bfloat16):
                logits, dice = model(images, index, prompts)
    finally:
        segmenter.to("cpu")
    assert logits.dtype == dice.dtype == torch.float32
    assert (logits - expected).abs().max() < 0.1 * expected.abs().max()
    assert (dice - expected_dice).abs().max() < 0.02


def test_features_can_be_kept_in_half_precision(segmenter: PromptSegmenter, features: Features) -> None:
    prompts, index = mixed_prompts(segmenter), torch.zeros(6, dtype=torch.long)
    kept = features.select(slice(1, 2)).to(dtype=torch.float16).to(dtype=torch.float32)
    with torch.inference_mode():
        logits, _ = segmenter.decode(kept, index, prompts)
        expected, _ = segmenter.decode(features, index + 1, prompts)
    torch.testing.assert_close(logits, expected, atol=0.02, rtol=0.02)


def test_misfits_are_refused(segmenter: PromptSegmenter, features: Features) -> None:
    prompts = PromptBatch.empty(2)
    with pytest.raises(ModelError, match="one frame index for each prompt"):
        segmenter.decode(features, torch.zeros(3, dtype=torch.long), prompts)
    small = segmenter.encode(torch.zeros(1, 1, 32, 32))
    with pytest.raises(ModelError, match="images of 64 x 64 pixels"):
        segmenter.decode(small, torch.zeros(2, dtype=torch.long), prompts)
    prompts.has_mask[0] = True
    with pytest.raises(ModelError, match="previous mask"):
        segmenter.decode(features, torch.zeros(2, dtype=torch.long), prompts)
    with pytest.raises(ModelError, match="at least one structure"):
        create_segmenter("vit_tiny", 16, SIDE, text_count=0)
