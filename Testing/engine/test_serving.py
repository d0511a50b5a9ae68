"""The inference process: the answers of a session from another process, whatever happens to that process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_cases import noise, shipped_model

from echoapex.cine import BoolMask, Cine
from echoapex.errors import EchoApexError
from echoapex.evaluation.masks import deepest_click
from echoapex.locating import find_landmarks
from echoapex.models.store import LoadedModel
from echoapex.prompts import PointPrompt, Prompt
from echoapex.segmenting import Segmentation
from echoapex.serving import InferenceProcess, ProcessState
from echoapex.serving.client import serve_command
from echoapex.serving.protocol import Lines, line, message
from echoapex.serving.shared import SharedCine, SharedMemory
from echoapex.session import Session
from echoapex.session_state import SessionState
from echoapex.simulation import SimulatedClip, draw_case, simulate_clip
from echoapex.simulation.heart import Tissue
from echoapex.simulation.looks import TRAINING

PATIENCE_S = 120.0
"""Only so that a test that waits in vain ends."""


def wait(process: InferenceProcess, until: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < end, "waited in vain"
        process.poll()
        time.sleep(0.005)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    return shipped_model(tmp_path_factory.mktemp("no-models"))


@pytest.fixture(scope="module")
def clip() -> SimulatedClip:
    return simulate_clip(draw_case("easy", 900_105), "A4C", rows=180, columns=240, beats=1.0, sampling=TRAINING)


@pytest.fixture(scope="module")
def cine(clip: SimulatedClip) -> Cine:
    return clip.cine()


@pytest.fixture
def news() -> list[str]:
    return []


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


@pytest.fixture
def own(news: list[str], tmp_path: Path) -> Iterator[InferenceProcess]:
    """One that may come to harm."""
    child = InferenceProcess(
        serve_command(device="cpu"), environment={"ECHOAPEX_CACHE": str(tmp_path / "cache")}, news=news.append
    )
    child.start()
    yield child
    child.close()


def ready(process: InferenceProcess, cine: Cine) -> None:
    process.open(cine)
    wait(process, lambda: process.ready)


def answered(process: InferenceProcess, question) -> Segmentation:
    found: list[Segmentation] = []
    refused: list[str] = []
    process.ask(question, found.append, refused.append)
    wait(process, lambda: found or refused)
    assert not refused, refused
    return found[0]


def lv(clip: SimulatedClip, frame: int) -> BoolMask:
    return clip.labels(frame) == Tissue.LV


def click(clip: SimulatedClip, frame: int) -> Prompt:
    return Prompt(points=(deepest_click(lv(clip, frame)),))


def same(one: Segmentation, other: Segmentation) -> None:
    assert np.array_equal(one.masks, other.masks)
    assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


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


def test_a_killed_process_is_started_again_and_the_session_goes_on(
    own: InferenceProcess, model: LoadedModel, cine: Cine, clip: SimulatedClip, news: list[str]
) -> None:
    state = SessionState(model.card, cine)
    ready(own, cine)
    question = state.ask(0, click(clip, 0), "LV")
    state.take(question, answered(own, question))
    before, first = state.mask(0, "LV"), own.pid
    waiting: list[Segmentation] = []
    own.ask(state.ask_propagation("LV"), waiting.append)
    os.kill(own.pid, signal.SIGKILL)
    wait(own, lambda: waiting)
    assert own.pid != first and np.array_equal(waiting[0].masks.any(axis=(1, 2)), np.ones(cine.frame_count - 1, bool))
    assert np.array_equal(state.mask(0, "LV"), before)
    assert len(news) == 1 and "started again; nothing is lost" in news[0]


def test_a_process_that_keeps_dying_is_left_alone_and_said_once(
    own: InferenceProcess, model: LoadedModel, cine: Cine, clip: SimulatedClip, news: list[str]
) -> None:
    state = SessionState(model.card, cine)
    state.edit(2, lv(clip, 2), "LV")
    ready(own, cine)
    for _ in range(5):
        os.kill(own.pid, signal.SIGKILL)
        pid = own.pid
        wait(own, lambda pid=pid: own.pid != pid)
    assert own.state is ProcessState.BROKEN and own.pid is None
    assert [text for text in news if "not started again" in text] == [news[-1]]
    with pytest.raises(EchoApexError, match="does not run: start it again"):
        own.ask(state.ask_propagation("LV"), print)
    assert np.array_equal(state.mask(2, "LV"), lv(clip, 2))
    own.start()
    wait(own, lambda: own.ready)
    assert answered(own, state.ask_propagation("LV")).masks.any()


def test_a_question_that_ends_the_process_is_not_asked_for_ever(
    model: LoadedModel, cine: Cine, clip: SimulatedClip, news: list[str], tmp_path: Path
) -> None:
    """The process of this test ends at the first question about the structure LA."""
    deadly = tmp_path / "deadly.py"
    deadly.write_text(
        "import os, sys\n"
        "from echoapex.serving import server\n"
        "asked = server.question_from_message\n"
        "def deadly(told, shared):\n"
        "    if told['structure'] == 'LA':\n"
        "        os._exit(9)\n"
        "    return asked(told, shared)\n"
        "server.question_from_message = deadly\n"
        "server.serve(None, 'cpu')\n"
    )
    process = InferenceProcess([sys.executable, str(deadly)], news=news.append)
    process.start()
    ready(process, cine)
    state = SessionState(model.card, cine)
    refused, found = [], []
    process.ask(state.ask_propagation("LA"), refused.append, refused.append)
    process.ask(state.ask(0, click(clip, 0), "LV"), found.append, refused.append)
    wait(process, lambda: refused and found)
    assert refused == ["The inference process ended twice at this question."]
    process.close()


def moving(frames: int) -> Cine:
    return noise(frames, 240, 320)


def test_a_click_is_answered_in_the_middle_of_a_propagation(process: InferenceProcess, model: LoadedModel) -> None:
    cine = moving(120)
    state = SessionState(model.card, cine)
    mask = np.zeros((240, 320), bool)
    mask[100:140, 100:180] = True
    state.edit(0, mask)
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


def test_a_damaged_model_is_said_in_a_sentence(model: LoadedModel, tmp_path: Path, news: list[str]) -> None:
    folder = tmp_path / "damaged"
    folder.mkdir()
    source = model.folder
    (folder / "card.json").write_bytes((source / "card.json").read_bytes())
    (folder / "model.safetensors").write_bytes((source / "model.safetensors").read_bytes()[:-100])
    process = InferenceProcess(serve_command(folder, "cpu"), news=news.append)
    process.start()
    wait(process, lambda: process.state is ProcessState.BROKEN)
    assert len(news) == 1 and "model.safetensors" in news[0] and news[0].endswith(".")
    assert process.pid is None


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (
            'print(\'{"v": 99, "say": "ready"}\', flush=True); import time; time.sleep(60)',
            "version 1 are needed (found: 99)",
        ),
        ("print('hello', flush=True); import time; time.sleep(60)", "is no message"),
        ("import sys; sys.exit('no such library')", "no such library"),
    ],
)
def test_a_process_that_is_none_of_ours_is_given_up_in_a_sentence(program: str, words: str, news: list[str]) -> None:
    process = InferenceProcess([sys.executable, "-c", program], news=news.append)
    process.start()
    wait(process, lambda: process.state is ProcessState.BROKEN)
    assert words in news[-1] and process.pid is None


def test_a_program_that_is_not_there_is_refused() -> None:
    with pytest.raises(EchoApexError, match=r"no-such-python: The inference process cannot be started"):
        InferenceProcess(["no-such-python"]).start()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("busy", [False, True])
def test_an_orphan_ends_by_itself(tmp_path: Path, busy: bool) -> None:
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import sys, time, numpy as np\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from model_cases import noise, CARD\n"
        "from echoapex.serving import InferenceProcess\n"
        "from echoapex.session_state import SessionState\n"
        "process = InferenceProcess()\n"
        "process.start()\n"
        "cine = noise(400, 240, 320)\n"
        "state = SessionState(CARD, cine)\n"
        "state.edit(0, np.ones((240, 320), bool))\n"
        "process.open(cine)\n"
        f"if {busy}:\n"
        "    process.ask(state.ask_propagation(), print, print, lambda *_: print('busy', process.pid, flush=True))\n"
        "while True:\n"
        "    process.poll()\n"
        "    if process.ready:\n"
        "        print('ready', process.pid, flush=True)\n"
        "    time.sleep(0.01)\n"
    )
    mother = subprocess.Popen([sys.executable, str(parent)], stdout=subprocess.PIPE, text=True)
    wanted = "busy" if busy else "ready"
    assert mother.stdout is not None
    pid = next(int(text.split()[1]) for text in mother.stdout if text.startswith(wanted))
    mother.kill()
    mother.wait()
    end = time.monotonic() + PATIENCE_S
    while alive(pid):
        assert time.monotonic() < end, "the orphan lives on"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="only where memory has names in /dev/shm")
def test_no_pixels_stay_behind(own: InferenceProcess, cine: Cine) -> None:
    before = set(Path("/dev/shm").glob("echoapex-*"))
    ready(own, cine)
    assert set(Path("/dev/shm").glob("echoapex-*")) == before
    own.open(cine)
    own.close()
    assert set(Path("/dev/shm").glob("echoapex-*")) == before


@pytest.mark.parametrize("where", ["answer", "encode_next"])
def test_an_accelerator_without_memory_gives_way_to_the_processor(
    model: LoadedModel, cine: Cine, clip: SimulatedClip, news: list[str], tmp_path: Path, where: str
) -> None:
    """The process of this test believes that its model is on an accelerator, which has no memory left."""
    program = tmp_path / "full.py"
    program.write_text(
        "import dataclasses, torch\n"
        "from echoapex import inference\n"
        "from echoapex.serving import server\n"
        f"done, full = inference.Inference.{where}, [True]\n"
        "class Elsewhere:\n"
        "    type = 'cuda'\n"
        "def once(self, *asked):\n"
        "    if full:\n"
        "        full.clear()\n"
        "        raise torch.OutOfMemoryError('CUDA out of memory')\n"
        "    return done(self, *asked)\n"
        f"inference.Inference.{where} = once\n"
        "fell_back = server.Server._fell_back\n"
        "def on_device(self, problem):\n"
        "    self._model = dataclasses.replace(self._model, device=Elsewhere())\n"
        "    return fell_back(self, problem)\n"
        "server.Server._fell_back = on_device\n"
        "server.serve(None, 'cpu')\n"
    )
    process = InferenceProcess([sys.executable, str(program)], news=news.append)
    process.start()
    ready(process, cine)
    assert answered(process, SessionState(model.card, cine).ask(0, click(clip, 0), "LV")).masks.any()
    wait(process, lambda: len(process.told.encoded) > 1)
    assert news == ["The accelerator has no memory left: the processor is used from now on."]
    process.close()


def test_encoding_ahead_that_fails_is_said_and_questions_go_on(
    model: LoadedModel, cine: Cine, clip: SimulatedClip, news: list[str], tmp_path: Path
) -> None:
    program = tmp_path / "failing.py"
    program.write_text(
        "from echoapex import inference\n"
        "from echoapex.serving import server\n"
        "def fails(self, shown):\n"
        "    raise RuntimeError('for this test')\n"
        "inference.Inference.encode_next = fails\n"
        "server.serve(None, 'cpu')\n"
    )
    process = InferenceProcess([sys.executable, str(program)], news=news.append)
    process.start()
    ready(process, cine)
    wait(process, lambda: news)
    assert answered(process, SessionState(model.card, cine).ask(0, click(clip, 0), "LV")).masks.any()
    assert news == ["Frames are not encoded ahead: RuntimeError: for this test"]
    process.close()


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


def test_a_full_disk_is_said_once(cine: Cine, news: list[str], tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way of a folder")
    process = InferenceProcess(
        serve_command(device="cpu"), environment={"ECHOAPEX_CACHE": str(blocked / "cache")}, news=news.append
    )
    process.start()
    ready(process, cine)
    wait(process, lambda: len(process.told.encoded) == cine.frame_count)
    assert len(news) == 1 and "no longer kept" in news[0]
    process.close()


def test_serve_speaks_lines_of_json(tmp_path: Path) -> None:
    """As any other program would: bad lines are refused, and the end of the input is the end of the process."""
    talk = line({"do": "dance", "id": 1}) + b"no message\n" + b'{"v": 2, "do": "show", "frame": 1}\n'
    done = subprocess.run(serve_command(device="cpu"), input=talk, capture_output=True, check=False, timeout=PATIENCE_S)
    said = [json.loads(one) for one in done.stdout.splitlines()]
    assert done.returncode == 0 and said[0]["say"] == "hello"
    refused = [one["failure"]["rule"] for one in said if one["say"] == "refused"]
    assert refused == ["There is no such message", "A line is no message", "Messages of version 1 are needed"]
    assert {one["v"] for one in said} == {1}


@given(st.lists(st.binary(max_size=30).filter(lambda data: b"\n" not in data and data.strip()), max_size=8), st.data())
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(one + b"\n" for one in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)])]
    cutter = Lines()
    assert [one for piece in pieces for one in cutter.feed(piece)] == lines


@pytest.mark.parametrize("data", [b"", b"[]", b"7", b'{"do": "show"}', b'{"v": "1"}', b"\xff\xfe", b'{"v": 1'])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(EchoApexError):
        message(data)


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 17), st.integers(0, 2**32 - 1))
def test_masks_pass_through_shared_memory_unharmed(count: int, rows: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    here = SharedCine((count, rows, columns))
    there = SharedCine((count, rows, columns), here.memory.name)
    here.memory.forget_name()
    frames = rng.integers(0, 256, (count, rows, columns), dtype=np.uint8)
    here.frames[:] = frames
    places = [
        (part, row)
        for part, rows_ in (("sector", 1), ("prompt", 2), ("asked", count), ("answered", count))
        for row in range(rows_)
    ]
    masks = [rng.random((rows, columns)) > 0.5 for _ in places]
    for (part, row), mask in zip(places, masks):
        getattr(here, part).put(row, mask)
    for (part, row), mask in zip(places, masks):
        assert np.array_equal(getattr(there, part).get(row), mask)
    assert np.array_equal(there.frames, frames)


def test_memory_of_another_name_is_refused() -> None:
    with pytest.raises(EchoApexError, match="no room to share"):
        SharedMemory(10, "/no/such/folder/memory")
