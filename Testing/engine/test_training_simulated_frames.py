"""Simulated frames for pretraining: several views of a heart, and what an archive holds beside them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from echoapex.errors import EchoApexError
from echoapex.evaluation.run_evaluation import evaluate
from echoapex.simulation import VIEWS, draw_case
from echoapex.simulation.inside_probes import InsideModality, draw_inside
from echoapex.training.distractor_frames import SHARES, draw_distractor
from echoapex.training.frame_shards import PHASES_PER_CASE, draw_frames
from echoapex.training.simulated_frames import SimulatedFrames

SIZE = 48
EVERY_VIEW = dict.fromkeys(VIEWS, 1.0)


def source(text: str, folder: Path, told: list[str] | None = None) -> SimulatedFrames:
    return SimulatedFrames(text, SIZE, folder, (told if told is not None else []).append)


def test_one_view_of_a_heart_is_what_it_always_was() -> None:
    views = draw_frames("easy", range(6), SIZE, EVERY_VIEW).views[::PHASES_PER_CASE]
    assert list(views) == ["SSN", "A4C", "PSAX_MV", "A2C", "PSAX_AV", "PSAX_APEX"]


def test_more_views_of_a_heart_come_after_the_one_and_none_comes_twice() -> None:
    one, three = (draw_frames("easy", [4, 5], SIZE, EVERY_VIEW, count) for count in (1, 3))
    per_heart = 3 * PHASES_PER_CASE
    for heart in range(2):
        first = slice(heart * PHASES_PER_CASE, (heart + 1) * PHASES_PER_CASE)
        same = slice(heart * per_heart, heart * per_heart + PHASES_PER_CASE)
        assert np.array_equal(one.images[first], three.images[same])
        views = three.views[heart * per_heart : (heart + 1) * per_heart]
        assert list(Counter(views).values()) == [PHASES_PER_CASE] * 3


def test_every_view_of_few_hearts_is_known_and_asked(tmp_path: Path) -> None:
    frames = source(f"simulated:easy:2,views={len(VIEWS)}", tmp_path)
    known, asked = frames.labelled()
    for side in (known, asked):
        assert Counter(frame.view for frame in side) == dict.fromkeys(VIEWS, PHASES_PER_CASE)
    assert not {frame.patient for frame in known} & {frame.patient for frame in asked}
    assert frames.name == f"simulated:easy:2:0,views={len(VIEWS)}"


def test_distractors_are_learned_from_and_never_labelled(tmp_path: Path) -> None:
    told: list[str] = []
    frames = source("simulated:easy:3:4,views=2,distractors=0.5", tmp_path, told)
    known, asked = frames.labelled()
    assert len(frames) == 2 * len(known) == 2 * 2 * 2 * PHASES_PER_CASE
    seen = list(frames.epoch(0, 0))
    assert sum(frame.view is None for frame in seen) == len(known)
    assert all(frame.view in VIEWS for frame in (*known, *asked))
    # Those of patients held out would be seen in other planes.
    assert not {frame.patient for frame in seen} & {frame.patient for frame in asked}
    assert "50% of the frames learned from are distractors" in told[-1]
    assert told[-1] in frames.name
    again = source("simulated:easy:3:4,views=2,distractors=0.5", tmp_path)
    assert all(np.array_equal(a.image, b.image) for a, b in zip(again.epoch(0, 0), seen, strict=True))


def test_distractors_leave_the_hearts_as_they_are(tmp_path: Path) -> None:
    plain, mixed = (source(f"simulated:easy:3{more}", tmp_path) for more in ("", ",distractors=0.3"))
    for before, after in zip(plain.labelled(), mixed.labelled(), strict=True):
        assert [frame.view for frame in before] == [frame.view for frame in after]
        assert all(np.array_equal(a.image, b.image) for a, b in zip(before, after, strict=True))


def test_every_kind_of_distractor_shows_something() -> None:
    drawn = [draw_distractor("hard", seed, SIZE) for seed in range(40)]
    assert {kind for kind, _ in drawn} == set(SHARES)
    for _, pictures in drawn:
        assert (pictures.dtype, pictures.shape) == (np.uint8, (PHASES_PER_CASE, SIZE, SIZE))
        assert pictures.std() > 3


@pytest.mark.parametrize("modality", InsideModality)
def test_probes_inside_look_from_above_and_below_through_wide_and_narrow_sectors(modality: InsideModality) -> None:
    pictures = [draw_inside(draw_case("hard", seed), modality, SIZE, [0.0]) for seed in range(16)]
    assert {picture.modality for picture in pictures} == {modality}
    assert not {picture.plane for picture in pictures} & set(VIEWS)
    assert len({picture.plane for picture in pictures}) == 2
    lit = [picture.frames[0] > 1 for picture in pictures]
    middle = np.array([np.nonzero(mask)[0].mean() for mask in lit]) / SIZE
    widths = np.array([np.ptp(np.nonzero(mask)[1]) for mask in lit]) / SIZE
    assert middle.min() < 0.45
    assert middle.max() > 0.55
    assert widths.min() < 0.75
    assert widths.max() > 0.9


def test_the_same_seed_draws_the_same_inside_picture_and_another_draw_another() -> None:
    case = draw_case("hard", 3)
    one, again, other = (draw_inside(case, InsideModality.TEE, SIZE, [0.3], draw).frames for draw in (0, 0, 1))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("simulated:easy:4,views=0", "1 to 17 views"),
        ("simulated:easy:4,views=18", "1 to 17 views"),
        ("simulated:easy:4,distractors=0.9", "share of distractors is 0 to 0.5"),
        ("simulated:easy:4,distractors=many", r"\[,views=V\]\[,distractors=SHARE\]"),
        ("simulated:easy:4,seed=3", r"\[,views=V\]\[,distractors=SHARE\]"),
        ("simulated:easy:20:899990,views=2", "kept for tests"),
    ],
)
def test_frames_that_cannot_be_drawn_are_refused(text: str, rule: str, tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match=rule):
        source(text, tmp_path)


def test_an_evaluation_is_of_patients_alone() -> None:
    with pytest.raises(EchoApexError, match="simulated:PRESET:N"):
        evaluate(None, "views", "simulated:easy:2,views=3")
