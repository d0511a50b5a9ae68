"""An inference process that is stopped or hangs is noticed and replaced; one that works for long is left alone."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from model_cases import shipped_model
from serving_cases import a_beat, alive, answered, click, ready, wait

from echoapex.cine import Cine
from echoapex.models.model_loading import LoadedModel
from echoapex.serving import InferenceProcess
from echoapex.serving.restarting_client import serve_command
from echoapex.session.state import SessionState
from echoapex.simulation import SimulatedClip

SILENCE_S = 4.0
"""Four beats: the tests need not wait as long as a user."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return shipped_model(tmp_path_factory.mktemp("no-models"))


@pytest.fixture(scope="module")
def clip() -> SimulatedClip:
    return a_beat()


@pytest.fixture(scope="module")
def cine(clip: SimulatedClip) -> Cine:
    return clip.cine()


@pytest.fixture
def news() -> list[str]:
    return []


def impatient(command: list[str], news: list[str], tmp_path: Path) -> InferenceProcess:
    environment = {"ECHOAPEX_CACHE": str(tmp_path / "cache")}
    process = InferenceProcess(command, environment=environment, news=news.append, silence_s=SILENCE_S)
    process.start()
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_stopped_process_is_replaced_and_its_question_answered(
    model: LoadedModel, cine: Cine, clip: SimulatedClip, news: list[str], tmp_path: Path
) -> None:
    process = impatient(serve_command(device="cpu"), news, tmp_path)
    ready(process, cine)
    first = process.pid
    os.kill(first, signal.SIGSTOP)
    found = answered(process, SessionState(model.card, cine).ask(0, click(clip, 0), "LV"))
    assert found.masks.any() and process.pid != first and not alive(first)
    assert len(news) == 1 and "gave no sign of life for" in news[0] and "started again; nothing is lost" in news[0]
    process.close()


STUCK = """
import threading, time
from echoapex.session import model_answers as inference
from echoapex.serving import inference_server as server
asked, lock = server.question_from_message, threading.Lock()
lock.acquire()
def hangs(told, shared):
    if told["structure"] == "LA":
        {how}
    return asked(told, shared)
server.question_from_message = hangs
server.serve(None, "cpu")
"""


def test_a_main_thread_that_hangs_is_found_out_though_others_run(
    model: LoadedModel, cine: Cine, clip: SimulatedClip, news: list[str], tmp_path: Path
) -> None:
    program = tmp_path / "stuck.py"
    program.write_text(STUCK.format(how="lock.acquire()"))
    process = impatient([sys.executable, str(program)], news, tmp_path)
    ready(process, cine)
    wait(process, lambda: len(process.told.encoded) == cine.frame_count)
    state, refused = SessionState(model.card, cine), []
    process.ask(state.ask_propagation("LA"), refused.append, refused.append)
    wait(process, lambda: refused)
    assert refused == ["The inference process ended twice at this question."]
    assert len(news) == 2 and all("gave no sign of life" in text for text in news)
    wait(process, lambda: process.ready)
    assert answered(process, state.ask(0, click(clip, 0), "LV")).masks.any()
    process.close()


def test_a_process_that_computes_for_long_or_has_nothing_to_do_is_left_alone(
    model: LoadedModel, cine: Cine, news: list[str], tmp_path: Path
) -> None:
    program = tmp_path / "long.py"
    busy = f"end = time.process_time() + {2 * SILENCE_S}\n        while time.process_time() < end: pass"
    program.write_text(STUCK.format(how=busy))
    process = impatient([sys.executable, str(program)], news, tmp_path)
    ready(process, cine)
    wait(process, lambda: len(process.told.encoded) == cine.frame_count)
    end, first = time.monotonic() + 1.5 * SILENCE_S, process.pid
    wait(process, lambda: time.monotonic() > end)
    # The panel itself was busy: nobody listened.
    time.sleep(1.5 * SILENCE_S)
    process.poll()
    assert answered(process, SessionState(model.card, cine).ask_propagation("LA")).masks.any()
    assert news == [] and process.pid == first
    process.close()
