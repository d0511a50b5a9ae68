"""The inference process: the answers of a session from another process, also while it is busy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from model_cases import noise, shipped_model
from serving_cases import a_beat, answered, click, ready, same, wait

from echoapex.cine import BoolMask, Cine
from echoapex.inference.landmark_detection import find_landmarks
from echoapex.inference.segmentation import Segmentation
from echoapex.models.model_loading import LoadedModel
from echoapex.prompts import PointPrompt, Prompt
from echoapex.serving import InferenceProcess
from echoapex.serving.restarting_client import serve_command
from echoapex.session import Session
from echoapex.session.state import SessionState
from echoapex.simulation import SimulatedClip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return shipped_model(tmp_path_factory.mktemp("no-models"))


@pytest.fixture(scope="module")
def clip() -> SimulatedClip:
    return a_beat()


@pytest.fixture(scope="module")
def cine(clip: SimulatedClip) -> Cine:
    return clip.cine()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InferenceProcess]:
    """One for all tests that do it no harm; it has no news for them."""
    unexpected: list[str] = []
    cache = str(tmp_path_factory.mktemp("cache"))
    child = InferenceProcess(serve_command(device="cpu"), environment={"ECHOAPEX_CACHE": cache}, news=unexpected.append)
    child.start()
    yield child
    child.close()
    assert unexpected == []


def test_the_process_answers_as_a_session_does(
    process: InferenceProcess, model: LoadedModel, cine: Cine, clip: SimulatedClip
) -> None:
    here, there = Session(model, cine), SessionState(model.card, cine)
    ready(process, cine)
    assert process.told.model["hash"] == model.card.weights_sha256
    assert process.told.device == "cpu" and "cpu" in process.told.reason
    assert process.told.threads["decode"] == 1 and process.told.threads["encode"] >= 1
    for prompt in (click(clip, 3), Prompt(points=(PointPrompt(20.0, 20.0, positive=False),))):
        question = there.ask(3, prompt, "LV")
        same(answered(process, question), here.preview(3, prompt, "LV"))
        there.take(question, answered(process, question))
        here.segment(3, prompt, "LV")
        assert np.array_equal(there.mask(3, "LV"), here.mask(3, "LV"))
    there.take(question := there.ask_propagation("LV"), answered(process, question))
    assert here.propagate("LV").frames == tuple(question.frames)
    assert np.array_equal(there.masks("LV"), here.masks("LV"))
    by_name = there.ask_propagation("LA", range(2, 5))
    there.take(by_name, answered(process, by_name))
    here.propagate("LA", range(2, 5))
    assert np.array_equal(there.masks("LA"), here.masks("LA")) and there.masks("LA")[2:5].any()
    box = Prompt(box=(60.0, 20.0, 160.0, 120.0))
    same(answered(process, there.ask(0, box)), here.preview(0, box))


def test_landmarks_and_view_come_from_the_process(process: InferenceProcess, model: LoadedModel, cine: Cine) -> None:
    ready(process, cine)
    landmarks, views = [], []
    process.ask_landmarks(landmarks.append)
    process.ask_view(views.append)
    wait(process, lambda: landmarks and views)
    expected = find_landmarks(model, cine)
    assert landmarks[0].names == expected.names
    assert landmarks[0].points == pytest.approx(expected.points, abs=0.01, nan_ok=True)
    assert views[0]["view"] in (*model.card.views, "UNKNOWN")


def test_words_are_understood_in_the_middle_of_a_propagation(process: InferenceProcess, model: LoadedModel) -> None:
    cine, order, found = moving(120), [], []
    state = SessionState(model.card, cine)
    state.edit(0, square(cine))
    ready(process, cine)
    process.ask(state.ask_propagation(), lambda _: order.append("carried"), order.append, lambda *_: order.append("."))
    wait(process, lambda: order)
    process.ask_text("blood pool of the left ventricle", lambda told: (order.append("read"), found.append(told)))
    process.ask_text("liver", found.append, lambda sentence: (order.append("refused"), found.append(sentence)))
    wait(process, lambda: "carried" in order)
    assert max(order.index("read"), order.index("refused")) < order.index("carried")
    assert found[0]["structure"] == "LV" and "as the text encoder reads it" in found[0]["reason"]
    assert "names no structure I know" in found[1] and "(found: liver)" in found[1]


def test_frames_are_encoded_while_nothing_is_asked(process: InferenceProcess, cine: Cine) -> None:
    ready(process, cine)
    # Asks for some frames before they are encoded ahead: they count as well.
    process.ask_view(lambda _: None)
    wait(process, lambda: len(process.told.encoded) == cine.frame_count)
    assert process.told.encoded == set(range(cine.frame_count))


def test_a_refusal_is_a_sentence_and_the_process_goes_on(
    process: InferenceProcess, model: LoadedModel, cine: Cine, clip: SimulatedClip
) -> None:
    ready(process, cine)
    good = SessionState(model.card, cine).ask(0, click(clip, 0), "LV")
    bad = SessionState(model.card, cine).ask_propagation("LV")
    object.__setattr__(bad, "structure", "RV_WALL")
    refused: list[str] = []
    process.ask(bad, lambda _: refused.append("answered"), refused.append)
    wait(process, lambda: refused)
    assert refused == ["The model does not know this structure by name (found: RV_WALL)."]
    assert answered(process, good).masks.any()


def moving(frames: int) -> Cine:
    return noise(frames, 240, 320)


def square(cine: Cine) -> BoolMask:
    mask = np.zeros((cine.rows, cine.columns), bool)
    mask[100:140, 100:180] = True
    return mask


def test_a_click_is_answered_in_the_middle_of_a_propagation(process: InferenceProcess, model: LoadedModel) -> None:
    cine = moving(120)
    state = SessionState(model.card, cine)
    state.edit(0, square(cine))
    ready(process, cine)
    order: list[str] = []
    process.ask(state.ask_propagation(), lambda _: order.append("carried"), order.append, lambda *_: order.append("."))
    wait(process, lambda: order)
    process.ask(state.ask(3, Prompt(points=(PointPrompt(150.0, 120.0),)), "LV"), lambda _: order.append("clicked"))
    wait(process, lambda: "carried" in order)
    assert order.index("clicked") < order.index("carried")


def test_a_cancelled_propagation_ends_and_changes_nothing(process: InferenceProcess, model: LoadedModel) -> None:
    cine = moving(120)
    state = SessionState(model.card, cine)
    state.edit(0, np.ones((240, 320), bool))
    ready(process, cine)
    heard: list[object] = []
    number = process.ask(state.ask_propagation(), heard.append, heard.append, lambda *_: heard.append("."))
    wait(process, lambda: heard)
    process.cancel(number)
    told = len(heard)
    wait(process, lambda: not process.busy)
    assert set(heard[:told]) == {"."} and len(heard) == told
    assert answered(process, state.ask(1, Prompt(points=(PointPrompt(150.0, 120.0),)), "LV")).masks.shape[0] == 1


def test_of_waiting_previews_only_the_newest_counts(process: InferenceProcess, model: LoadedModel, cine: Cine) -> None:
    state = SessionState(model.card, cine)
    ready(process, cine)
    heard: list[int] = []
    for number in range(6):
        question = state.ask(0, Prompt(box=(60.0, 20.0, 140.0 + number, 120.0)))
        process.ask(question, lambda _, number=number: heard.append(number), replaces="preview")
    wait(process, lambda: 5 in heard)
    assert heard == [0, 5] and not process.busy


def test_questions_about_the_cine_before_are_dropped(process: InferenceProcess, model: LoadedModel, cine: Cine) -> None:
    old = moving(60)
    state = SessionState(model.card, old)
    state.edit(0, np.ones((240, 320), bool))
    ready(process, old)
    heard: list[object] = []
    process.ask(state.ask_propagation(), heard.append, heard.append)
    ready(process, cine)
    wait(process, lambda: len(process.told.encoded) == cine.frame_count)
    assert heard == []


def test_a_callback_that_raises_loses_no_other_message(
    process: InferenceProcess, model: LoadedModel, cine: Cine
) -> None:
    ready(process, cine)
    state, heard = SessionState(model.card, cine), []

    def raises(found: Segmentation) -> None:
        raise ZeroDivisionError

    process.ask(state.ask(0, Prompt(box=(60.0, 20.0, 160.0, 120.0))), raises)
    process.ask(state.ask_propagation("LA", range(2)), heard.append)
    with pytest.raises(ZeroDivisionError):
        wait(process, lambda: False)
    wait(process, lambda: heard)
    assert not process.busy
