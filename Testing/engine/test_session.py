"""Interactive work on one cine: prompts, corrections, propagation, review, undo, and going on later."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_cases import shipped_model
from pydicom.examples import get_path
from scipy import ndimage

from echoapex.cine import BoolMask
from echoapex.errors import EchoApexError, PromptError
from echoapex.evaluation.bootstrap_scores import dice
from echoapex.evaluation.trials.pointing import next_click
from echoapex.evaluation.trials.structure_masks import deepest_click, drawn_box
from echoapex.inference.mask_pieces import main_pieces, taken_away
from echoapex.inference.segmentation import segment_frame
from echoapex.io import read_cine
from echoapex.models.model_loading import LoadedModel
from echoapex.prompts import PointPrompt, Prompt
from echoapex.session import Session
from echoapex.session.frame_entries import EMPTY, Entry, Given, PackedMask, Status, entry_from_plain, entry_to_plain
from echoapex.session.undo_history import Marks
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.vendor_looks import TRAINING
from echoapex.structures import PROMPTED


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return shipped_model(tmp_path_factory.mktemp("no-models"))


@pytest.fixture(scope="module")
def clip() -> SimulatedClip:
    """A beat with an effusion, of which the model knows no name."""
    case = draw_case("hard-1", 900_103, effusion_mm=12.0)
    return simulate_clip(case, "A4C", rows=240, columns=320, beats=1.0, sampling=TRAINING)


@pytest.fixture(scope="module")
def truth(clip: SimulatedClip) -> dict[str, BoolMask]:
    """The true masks ``[T, H, W]``, of the effusion its largest pocket."""
    labels = np.stack([clip.labels(frame) for frame in range(len(clip.frames))])
    pocket = np.stack([main_pieces(labels_ == Tissue.PERICARDIAL_EFFUSION) for labels_ in labels])
    return {"LV": labels == Tissue.LV, "PERICARDIAL_EFFUSION": pocket}


def ticking() -> Iterator[datetime]:
    """Times one second apart."""
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    while True:
        yield now
        now += timedelta(seconds=1)


@pytest.fixture
def session(model: LoadedModel, clip: SimulatedClip) -> Session:
    clock = ticking()
    return Session(model, clip.cine(), rater="R1", clock=lambda: next(clock))


def click(mask: BoolMask) -> Prompt:
    return Prompt(points=(deepest_click(mask),))


def mean_dice(masks: np.ndarray, truth: np.ndarray) -> float:
    return float(np.mean([dice(one, other) for one, other in zip(masks, truth, strict=True)]))


def test_a_click_is_carried_corrected_and_carried_again(session: Session, truth: dict[str, BoolMask]) -> None:
    lv, last = truth["LV"], len(truth["LV"]) - 1
    session.segment(0, click(lv[0]), "LV")
    assert dice(session.mask(0, "LV"), lv[0]) > 0.9
    assert session.entry(0, "LV").status is Status.PROMPTED and session.entry(1, "LV").status is Status.EMPTY
    change = session.propagate("LV")
    assert change.frames == tuple(range(1, last + 1)) and change.name == "propagation from 1 frame"
    assert mean_dice(session.masks("LV"), lv) > 0.9
    assert {session.entry(frame, "LV").status for frame in change.frames} == {Status.PREDICTED}

    prompted = session.entry(0, "LV").confidence
    assert prompted is not None and prompted < 1
    session.accept([0], "LV")
    session.propagate("LV")
    assert session.entry(1, "LV").confidence > prompted, "an accepted mask is sure"

    wrong = lv[5].copy()
    wrong[: wrong.shape[0] // 2] = False
    session.edit(5, wrong, "LV")
    session.accept([5], "LV")
    before = session.masks("LV")
    session.propagate("LV", range(4, 8))
    after = session.masks("LV")
    assert np.array_equal(after[5], wrong) and session.entry(5, "LV").status is Status.ACCEPTED
    assert not np.array_equal(before[4], after[4]) and not np.array_equal(before[6], after[6])
    assert np.array_equal(np.delete(before, range(4, 8), axis=0), np.delete(after, range(4, 8), axis=0))


def corrected(session: Session, frame: int, structure: str, truth: BoolMask, clicks: int) -> list[float]:
    """Clicks where the mask of ``frame`` errs most; its Dice after each of them."""
    scores = []
    for _ in range(clicks):
        place = next_click(truth, session.mask(frame, structure))
        session.segment(frame, Prompt(points=(place,)), structure)
        scores.append(dice(session.mask(frame, structure), truth))
    return scores


def test_clicks_correct_the_mask_that_is_there(session: Session, truth: dict[str, BoolMask]) -> None:
    scores = corrected(session, 0, "PERICARDIAL_EFFUSION", truth["PERICARDIAL_EFFUSION"][0], clicks=5)
    # It was never taught an effusion, nor hearts of this kind.
    assert scores[-1] > 0.85 and scores[-1] > scores[0]
    prompts = session.entry(0, "PERICARDIAL_EFFUSION").prompts
    assert [len(given.prompt.points) for given in prompts] == [1] * 5
    assert {given.rater for given in prompts} == {"R1"}
    assert [given.time for given in prompts[:2]] == ["2026-03-01T12:00:00+00:00", "2026-03-01T12:00:01+00:00"]


def test_a_negative_click_takes_away_only_what_it_hits(session: Session, truth: dict[str, BoolMask]) -> None:
    lv = truth["LV"][0]
    rows, columns = np.flatnonzero(lv.any(axis=1)), np.flatnonzero(lv.any(axis=0))
    spill = np.zeros_like(lv)
    spill[rows[-1] - 2 : rows[-1] + 25, columns[0] : columns[-1]] = True
    session.edit(0, lv | spill, "LV")
    session.segment(0, Prompt(points=(deepest_click(spill & ~lv, positive=False),)), "LV")
    left = session.mask(0, "LV")
    assert np.count_nonzero(left & spill & ~lv) < 0.2 * np.count_nonzero(spill & ~lv)
    assert np.count_nonzero(left & lv) > 0.8 * np.count_nonzero(lv)


def test_in_a_real_cine_what_is_clicked_goes_and_the_rest_stays(model: LoadedModel) -> None:
    session = Session(model, read_cine(get_path("ybr_color")))
    session.segment(0, Prompt(points=(PointPrompt(176.0, 100.0),)), "LV")
    before = session.mask(0, "LV")
    depth = np.where(before, ndimage.distance_transform_edt(before), 0)
    for rank in (0.3, 0.6, 0.9):
        y, x = np.argwhere(depth >= np.quantile(depth[before], rank))[0]
        session.segment(0, Prompt(points=(PointPrompt(float(x), float(y), positive=False),)), "LV")
        left = session.mask(0, "LV")
        assert not left[y, x]
        assert np.count_nonzero(left & before) > 0.6 * np.count_nonzero(before)
        session.undo()


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_of_what_has_gone_only_what_was_hit_stays_gone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = (ndimage.uniform_filter(rng.random((30, 40)), 5) > 0.5 for _ in range(2))
    x, y = int(rng.integers(40)), int(rng.integers(30))
    left = taken_away(before, after, [PointPrompt(float(x), float(y), positive=False)])
    gone, lost = before & ~after, before & ~left
    assert not np.any(lost & ~gone) and not np.any(left & ~(before | after)) and not np.any(after & ~left)
    labels, _ = ndimage.label(gone)
    near = labels[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4]
    expected = np.isin(labels, np.unique(near[near > 0])) if near.any() else gone
    assert np.array_equal(lost, expected)


def test_what_has_no_name_is_followed_from_one_frame(session: Session, truth: dict[str, BoolMask]) -> None:
    pocket = truth["PERICARDIAL_EFFUSION"]
    box = Prompt(box=drawn_box(pocket[0], np.random.default_rng(1)))
    session.segment(0, box, "PERICARDIAL_EFFUSION")
    corrected(session, 0, "PERICARDIAL_EFFUSION", pocket[0], clicks=4)
    change = session.propagate("PERICARDIAL_EFFUSION")
    first = session.entry(0, "PERICARDIAL_EFFUSION").confidence
    assert all(session.entry(frame, "PERICARDIAL_EFFUSION").confidence <= first for frame in change.frames)
    followed = mean_dice(session.masks("PERICARDIAL_EFFUSION"), pocket)
    same_box = [segment_frame(session.model, session.cine, frame, [box]).masks[0] for frame in range(len(pocket))]
    assert followed >= 0.80 and followed > mean_dice(np.stack(same_box), pocket)


def test_a_preview_changes_nothing_and_is_what_follows(session: Session, truth: dict[str, BoolMask]) -> None:
    prompt = click(truth["LV"][3])
    shown = session.preview(3, prompt)
    assert session.structures == () and session.next_undo is None
    session.segment(3, prompt)
    assert session.structures == (PROMPTED,)
    assert np.array_equal(session.mask(3), shown.masks[0])
    assert session.entry(3).confidence == pytest.approx(float(shown.confidence[0]))


def test_a_new_box_starts_anew(session: Session, truth: dict[str, BoolMask]) -> None:
    rng = np.random.default_rng(2)
    box = Prompt(box=drawn_box(truth["LV"][0], rng))
    session.segment(0, box, "LV")
    alone = session.mask(0, "LV")
    session.segment(0, Prompt(points=(PointPrompt(*deepest_xy(truth["LV"][0]), positive=False),)), "LV")
    assert not np.array_equal(session.mask(0, "LV"), alone)
    session.segment(0, box, "LV")
    assert np.array_equal(session.mask(0, "LV"), alone) and len(session.entry(0, "LV").prompts) == 1


def deepest_xy(mask: BoolMask) -> tuple[float, float]:
    place = deepest_click(mask)
    return place.x, place.y


def test_a_name_alone_finds_frame_and_cine(session: Session, truth: dict[str, BoolMask]) -> None:
    session.segment(2, Prompt(), "LV")
    assert dice(session.mask(2, "LV"), truth["LV"][2]) > 0.9
    assert session.entry(2, "LV").prompts[0].prompt == Prompt(structure="LV")
    assert session.propagate("LA").name == "search by name"
    assert session.entry(2, "LA").status is Status.PREDICTED
    for ask in (lambda: session.segment(0, Prompt(), "RV_WALL"), lambda: session.propagate("RV_WALL")):
        with pytest.raises(PromptError, match="RV_WALL"):
            ask()


def test_an_edit_starts_anew(session: Session, truth: dict[str, BoolMask]) -> None:
    session.segment(0, click(truth["LV"][0]), "LV")
    session.edit(0, truth["LV"][0], "LV")
    assert session.entry(0, "LV").prompts == ()
    session.segment(0, click(truth["LV"][0]), "LV")
    assert len(session.entry(0, "LV").prompts) == 1
    session.undo()
    session.undo()
    assert len(session.entry(0, "LV").prompts) == 1 and session.entry(0, "LV").status is Status.PROMPTED


def test_a_prompt_that_says_something_else_is_refused(session: Session, truth: dict[str, BoolMask]) -> None:
    with pytest.raises(PromptError, match=r"names another structure \(found: LA\)"):
        session.segment(0, Prompt(structure="LA"), "LV")
    with pytest.raises(PromptError, match="put another in place by edit"):
        session.segment(0, Prompt(mask=truth["LV"][0]), "LV")
    assert session.structures == ()


def test_prompts_in_mixed_order_stay_on_their_frames(session: Session, truth: dict[str, BoolMask]) -> None:
    for frame in (3, 0, 7):
        session.segment(frame, click(truth["LV"][frame]), "LV")
    for frame in range(len(truth["LV"])):
        assert len(session.entry(frame, "LV").prompts) == (frame in (0, 3, 7))
        assert session.mask(frame, "LV").any() == (frame in (0, 3, 7))


def test_undo_and_redo_go_over_all_frames_and_name_what_they_did(session: Session, truth: dict[str, BoolMask]) -> None:
    session.segment(4, click(truth["LV"][4]), "LV")
    first = session.masks("LV")
    session.propagate("LV")
    second = session.masks("LV")
    session.flag([2], "LV")
    assert session.next_undo is not None and session.next_undo.name == "flag of frame 2"
    assert session.needs_review("LV") and 2 in session.needs_review("LV")
    assert session.undo().name == "flag of frame 2"
    undone = session.undo()
    assert undone.name == "propagation from 1 frame" and 4 not in undone.frames
    assert np.array_equal(session.masks("LV"), first)
    assert session.redo() == undone and np.array_equal(session.masks("LV"), second)
    session.undo()
    session.clear([4], "LV")
    assert session.redo() is None, "what was undone is gone after something else was done"
    assert session.structures == ()
    assert [session.undo().name, session.undo().name, session.undo()] == ["clear of frame 4", "prompt on frame 4", None]


def test_what_is_accepted_is_not_changed_until_it_is_reopened(session: Session, truth: dict[str, BoolMask]) -> None:
    with pytest.raises(PromptError, match="looked for"):
        session.accept([0], "LV")
    session.segment(0, click(truth["LV"][0]), "LV")
    session.accept([0], "LV")
    kept = session.mask(0, "LV")
    for change in (
        lambda: session.segment(0, click(truth["LV"][0]), "LV"),
        lambda: session.edit(0, np.zeros_like(kept), "LV"),
        lambda: session.clear([0], "LV"),
    ):
        with pytest.raises(PromptError, match="accepted: reopen it"):
            change()
    session.propagate("LV")
    assert np.array_equal(session.mask(0, "LV"), kept)
    session.reopen([0], "LV")
    assert session.entry(0, "LV").status is Status.PROMPTED
    session.clear([0], "LV")
    assert session.entry(0, "LV") == EMPTY


def test_an_absence_said_by_hand_ends_where_it_was_said(session: Session, truth: dict[str, BoolMask]) -> None:
    session.segment(0, click(truth["LV"][0]), "LV")
    session.edit(6, np.zeros_like(truth["LV"][0]), "LV")
    session.propagate("LV")
    assert session.mask(2, "LV").any()
    assert not session.masks("LV")[6:].any()
    assert all(session.entry(frame, "LV").mask is not None for frame in range(len(truth["LV"])))


def test_a_session_goes_on_from_its_plain_data(session: Session, truth: dict[str, BoolMask]) -> None:
    session.segment(0, click(truth["LV"][0]), "LV")
    session.propagate("LV", range(4))
    session.accept([1], "LV")
    session.edit(2, truth["PERICARDIAL_EFFUSION"][2])
    data = json.loads(json.dumps(session.to_plain()))
    assert data["model"]["id"] == session.model.card.id and data["cine"]["shape"] == list(session.cine.frames.shape)
    again = Session.restore(session.model, session.cine, data, rater="R2")
    assert again.to_plain() == session.to_plain()
    assert np.array_equal(again.masks("LV"), session.masks("LV")) and np.array_equal(again.mask(2), session.mask(2))
    assert again.entry(0, "LV").prompts[0].rater == "R1"
    again.segment(0, Prompt(points=(PointPrompt(*deepest_xy(truth["LV"][0])),)), "LV")
    assert [given.rater for given in again.entry(0, "LV").prompts] == ["R1", "R2"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.update(schema=2), "version 1 is needed"),
        (lambda data: data["cine"].update(sha256="0"), "another cine"),
        (lambda data: data.update(entries="none"), "damaged"),
        (lambda data: data["entries"][0].update(frame=10_000), "must be 0 to"),
        (lambda data: data["entries"][0].update(frame="0"), "damaged"),
        (lambda data: data["entries"][0].update(structure="LIVER"), "damaged"),
        (lambda data: data["entries"][0].update(source="accepted"), "damaged"),
        (lambda data: data["entries"][0].update(review="prompted"), "damaged"),
        (lambda data: data["entries"][0].pop("mask"), "damaged"),
        (lambda data: data["entries"][0]["mask"].update(window=[0, 0, 10_000, 5]), "damaged"),
        (lambda data: data["entries"][0]["mask"].update(bits="AAAA"), "damaged"),
        (lambda data: data["entries"][0]["mask"].update(bits="é"), "damaged"),
        (lambda data: data["entries"][0]["prompts"][0].update(points=[[1e9, 2, 1]]), "point must lie"),
        (lambda data: data["entries"][0]["prompts"][0].update(box=[1, 2]), "damaged"),
    ],
)
def test_damaged_data_are_refused_in_a_sentence(session: Session, truth: dict[str, BoolMask], change, words) -> None:
    session.segment(0, click(truth["LV"][0]), "LV")
    data = copy.deepcopy(json.loads(json.dumps(session.to_plain())))
    change(data)
    with pytest.raises(EchoApexError, match=words):
        Session.restore(session.model, session.cine, data)


def test_frames_are_encoded_from_the_shown_one_outwards(session: Session) -> None:
    order = [session.encode_next(3) for _ in range(6)]
    assert order == [3, 4, 2, 5, 1, 6]
    rest = iter(lambda: session.encode_next(3), None)
    assert len(list(rest)) == session.cine.frame_count - 6


def test_frames_that_are_not_there_are_refused(session: Session, truth: dict[str, BoolMask]) -> None:
    for ask in (
        lambda: session.segment(-1, click(truth["LV"][0]), "LV"),
        lambda: session.mask(10_000),
        lambda: session.propagate("LV", [10_000]),
        lambda: session.accept([-1]),
        lambda: session.encode_next(10_000),
    ):
        with pytest.raises(PromptError, match="must be 0 to"):
            ask()
    with pytest.raises(PromptError, match="size of the frame"):
        session.edit(0, np.zeros((3, 4), bool))


masks = st.integers(0, 2**12 - 1).map(lambda n: np.array([n >> k & 1 for k in range(12)], bool).reshape(3, 4))


@given(masks)
def test_a_packed_mask_is_the_mask(mask: BoolMask) -> None:
    packed = PackedMask.of(mask)
    assert np.array_equal(packed.unpacked(), mask)
    plain = json.loads(json.dumps(entry_to_plain(Entry(mask=packed, source=Status.EDITED))))
    assert entry_from_plain(plain, (3, 4)).mask == packed


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["LV", "LA"]), st.integers(0, 3), st.integers(0, 2), st.booleans())))
def test_every_change_can_be_undone_and_done_again(steps: list[tuple[str, int, int, bool]]) -> None:
    marks, states = Marks(), [dict(Marks())]
    for structure, frame, number, undo in steps:
        if undo and len(states) > 1:
            marks.undo()
            states.pop()
        else:
            entry = Entry(confidence=number / 4, source=Status.PREDICTED) if number else EMPTY
            change = marks.change("a step", structure, {frame: entry, frame + 1: entry})
            if change.frames:
                states.append(dict(marks))
        assert dict(marks) == states[-1]
    done = 0
    while marks.undo() is not None:
        done += 1
    assert dict(marks) == {} and done == len(states) - 1
    for state in states[1:]:
        assert marks.redo() is not None
        assert dict(marks) == state


def test_given_prompts_are_kept_as_they_were() -> None:
    prompt = Prompt(points=(PointPrompt(1.5, 0.25), PointPrompt(2.0, 2.0, positive=False)), box=(0.0, 0.0, 3.0, 2.0))
    entry = Entry(prompts=(Given(prompt, "R1", "2026-03-01T12:00:00+00:00"),), source=Status.PROMPTED)
    assert entry_from_plain(json.loads(json.dumps(entry_to_plain(entry))), (3, 4)) == entry
