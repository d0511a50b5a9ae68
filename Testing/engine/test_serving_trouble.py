"""An inference process in trouble: killed, damaged, orphaned or out of memory, which is said, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from model_cases import shipped_model
from serving_cases import a_beat, answered, click, gone, lv, ready, wait

from echoapex.cine import Cine
from echoapex.errors import EchoApexError
from echoapex.inference.segmentation import Segmentation
from echoapex.models.model_loading import LoadedModel
from echoapex.serving import InferenceProcess, ProcessState, shared_memory
from echoapex.serving.restarting_client import serve_command
from echoapex.session.state import SessionState
from echoapex.simulation import SimulatedClip

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


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


@pytest.fixture
def own(news: list[str], tmp_path: Path) -> Iterator[InferenceProcess]:
    """One that may come to harm."""
    child = InferenceProcess(
        serve_command(device="cpu"), environment={"ECHOAPEX_CACHE": str(tmp_path / "cache")}, news=news.append
    )
    child.start()
    yield child
    child.close()


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
        "from echoapex.serving import inference_server as server\n"
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
            "version 3 are needed (found: 99)",
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


@posix
@pytest.mark.parametrize("busy", [False, True])
def test_an_orphan_ends_by_itself(tmp_path: Path, busy: bool) -> None:
    parent = tmp_path / "parent.py"
    parent.write_text(
        "import sys, time, numpy as np\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from model_cases import noise, CARD\n"
        "from echoapex.serving import InferenceProcess\n"
        "from echoapex.session.state import SessionState\n"
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
    gone(pid)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="only where memory has names in /dev/shm")
@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="looks where Linux has shared memory")
@pytest.mark.parametrize("files", [True, False])
def test_no_pixels_stay_behind(own: InferenceProcess, cine: Cine, files: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where memory has a file, as on macOS."""
    if files:
        monkeypatch.setattr(shared_memory, "_NO_FILE", False)
        monkeypatch.setattr(shared_memory, "_NAMES_LAST", False)
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
        "from echoapex.session import model_answers as inference\n"
        "from echoapex.serving import inference_server as server\n"
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
        "from echoapex.session import model_answers as inference\n"
        "from echoapex.serving import inference_server as server\n"
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
