"""Mean shapes in boxes: where they are laid, for whom, and that they decide where the picture does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from model_cases import CARD, noise, untrained
from test_training import RECIPE

from echoapex.inference.encoding import EncodedCine
from echoapex.inference.segmentation import segment_frame
from echoapex.models.box_shapes import SHAPE_SIDE, BoxShapes
from echoapex.models.prompt_segmenter import PromptBatch
from echoapex.prompts import Prompt
from echoapex.simulation.heart import Tissue
from echoapex.training.frame_shards import Frames
from echoapex.training.mean_shapes import LEAST_MASKS, mean_shapes

SURE = torch.tensor([[1.0, 0.0, 0.0]])


def left_half() -> BoxShapes:
    """LV fills the left half of its box in the first view; nothing else is known."""
    shapes = BoxShapes(2, 3)
    shapes.maps.data[0, 0, :, : SHAPE_SIDE // 2] = 1.0
    return shapes


def boxed(box: tuple[float, float, float, float], text: int = 1) -> PromptBatch:
    batch = PromptBatch.empty(1)
    batch.boxes[0], batch.has_box[0], batch.text[0] = torch.tensor(box), True, text
    return batch


def test_a_shape_is_laid_into_the_box_pixel_by_pixel() -> None:
    found = left_half().logits(boxed((8.0, 16.0, 39.0, 47.0)), SURE, 32)[0]
    inside = torch.zeros(32, 32, dtype=torch.bool)
    inside[8:24, 4:12] = True
    assert torch.equal(found > 0, inside)
    assert float(found[inside].min()) == pytest.approx(float(found[inside].max()))
    assert float(found[~inside].max()) == pytest.approx(-float(found[inside].max()))


def test_what_has_no_name_no_box_or_no_known_shape_is_left_alone() -> None:
    shapes, box = left_half(), (8.0, 16.0, 39.0, 47.0)
    pointed = boxed(box)
    pointed.has_box[0] = False
    for batch, views in ((boxed(box, text=0), SURE), (pointed, SURE), (boxed(box, text=2), SURE)):
        assert not shapes.logits(batch, views, 32).any()


def test_views_are_weighed_and_prompts_do_not_disturb_each_other() -> None:
    shapes = left_half()
    shapes.maps.data[0, 1] = 1.0
    box, both = (0.0, 0.0, 63.0, 63.0), torch.tensor([[0.5, 0.5, 0.0]])
    mixed = shapes.logits(boxed(box), both, 32)
    sure = shapes.logits(boxed(box), torch.tensor([[1.0, 0.0, 0.0]]), 32)
    assert (sure[0, :, 20:] < -0.5).all(), "the other view is not quite forgotten"
    assert (mixed[0, :, 20:] == 0).all() and (mixed[0, :, :12] > 1).all()
    one, other = boxed(box), boxed((10.0, 10.0, 30.0, 20.0), text=2)
    batch = PromptBatch.empty(2)
    for row, some in enumerate((one, other)):
        batch.boxes[row], batch.has_box[row], batch.text[row] = some.boxes[0], True, some.text[0]
    assert torch.equal(shapes.logits(batch, both.expand(2, -1), 32)[:1], mixed)


def test_a_named_box_takes_its_shape_where_the_network_is_undecided() -> None:
    model = untrained()
    plain = EncodedCine(model, noise())
    shapes = BoxShapes(len(CARD.structures), len(CARD.views))
    shapes.maps.data[0, :, :, : SHAPE_SIDE // 2] = 1.0
    shaped = EncodedCine(replace(model, shapes=shapes), noise())
    named, bare = Prompt(structure="LV", box=(20.0, 15.0, 50.0, 40.0)), Prompt(box=(20.0, 15.0, 50.0, 40.0))

    def share_on_the_left(seen: EncodedCine, prompt: Prompt) -> float:
        mask = segment_frame(seen.model, seen, 0, [prompt]).masks[0]
        inside = mask[15:41, 20:51]
        return float(inside[:, :15].mean() - inside[:, 16:].mean())

    assert share_on_the_left(shaped, named) > share_on_the_left(plain, named) + 0.5
    assert share_on_the_left(shaped, bare) == share_on_the_left(plain, bare)


def test_mean_shapes_are_those_of_the_labels_by_view() -> None:
    """An L in A4C wherever it lies and however large it is, a full box in PLAX; what is seldom seen has no shape."""
    count = LEAST_MASKS
    labels, views = np.zeros((2 * count, 96, 96), np.uint8), np.repeat(["A4C", "PLAX"], count)
    for row in range(count):
        size = 24 * (1 + row % 2)
        y, x = row, 2 * row
        labels[row, y : y + size, x : x + size // 2] = Tissue.LV
        labels[row, y + size // 2 : y + size, x : x + size] = Tissue.LV
        labels[count + row, 10:50, 20 : 30 + row] = Tissue.LV
    labels[0, 90:, 90:] = Tissue.LA
    frames = Frames(np.zeros_like(labels), labels, views, np.zeros((2 * count, 4, 2), np.float32))
    maps = mean_shapes(frames, RECIPE).maps
    half = SHAPE_SIDE // 2
    a4c, plax = maps[RECIPE.structures.index("LV"), :2]
    assert (a4c[:half, half:] == 0).all() and (a4c[half:] == 1).all() and (a4c[:, :half] == 1).all()
    assert (plax == 1).all()
    assert not maps[RECIPE.structures.index("LA")].any() and not maps[:, 2].any()
