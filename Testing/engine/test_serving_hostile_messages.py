"""Messages that no panel sends: each is answered by a refusal, and the next click is answered all the same."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_cases import CARD, noise
from record_cases import changed_records, changed_texts

from echoapex.errors import EchoApexError
from echoapex.prompts import PointPrompt, Prompt
from echoapex.serving import messages
from echoapex.serving.message_shapes import VERSION, check_order
from echoapex.serving.messages import Lines, cine_to_message, line, message, question_from_message, question_to_message
from echoapex.serving.restarting_client import serve_command
from echoapex.serving.shared_memory import SharedCine, SharedMemory
from echoapex.session.state import SessionState

CINE = noise(3, 60, 80)
SHARED = SharedCine(CINE.frames)
OPEN = {"v": VERSION, "do": "open", "id": 1, "cine": json.loads(json.dumps(cine_to_message(CINE, SHARED))), "shown": 0}
STATE = SessionState(CARD, CINE)
STATE.edit(0, np.ones((60, 80), bool), "LV")
BOX = Prompt(points=(PointPrompt(30.0, 20.0),), box=(20.0, 10.0, 60.0, 40.0))


def asked(question: Any, number: int) -> dict[str, Any]:
    told = {"v": VERSION, "do": "ask", "id": number, **question_to_message(question, SHARED)}
    return dict(json.loads(json.dumps(told)))


CLICK = asked(STATE.ask(1, BOX, "LV"), 5)
CARRY = asked(STATE.ask_propagation("LV"), 6)


class Talk:
    """A process that answers, spoken to as any program could."""

    def __init__(self, cache: Path) -> None:
        command = serve_command(device="cpu")
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._number = 100

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def heard(self, *wanted: str) -> dict[str, Any]:
        """The next message that says one of these things."""
        assert self._process.stdout is not None
        for data in self._process.stdout:
            told = json.loads(data)
            if told["say"] in wanted:
                return dict(told)
        raise AssertionError("the process has ended")

    def click(self) -> dict[str, Any]:
        """A click and what comes back for it."""
        self._number += 1
        self.send(line(CLICK | {"id": self._number}))
        while (told := self.heard("answer", "refused"))["id"] != self._number:
            pass
        return told

    def close(self) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.read()
        self._process.stdout.close()
        return self._process.wait()


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHOAPEX_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("ECHOAPEX_MODELS", str(tmp_path_factory.mktemp("no-models")))
        made = Talk(tmp_path_factory.mktemp("cache"))
        made.send(line(OPEN))
        made.heard("opened")
        yield made
        assert made.close() == 0


def raw(**told: Any) -> bytes:
    return json.dumps({"v": VERSION, **told}).encode() + b"\n"


def opened(**changes: Any) -> bytes:
    return raw(**OPEN | {"id": 9, "cine": OPEN["cine"] | changes})


def elsewhere(tmp: Path) -> bytes:
    return opened(memory=[OPEN["cine"]["memory"][0], str(tmp)])


HOSTILE: dict[str, bytes] = {
    "show without a frame": raw(do="show"),
    "show a text": raw(do="show", frame="first"),
    "show a list": raw(do="show", frame=[1]),
    "show NaN": b'{"v": 3, "do": "show", "frame": NaN}\n',
    "cancel nothing": raw(do="cancel"),
    "cancel a text": raw(do="cancel", id="x"),
    "cancel a list": raw(do="cancel", id=[]),
    "an id of a fraction": raw(**CLICK | {"id": 1.5}),
    "an id of null": raw(**CLICK | {"id": None}),
    "an id without end": raw(**CLICK | {"id": 10**300}),
    "no id": raw(do="ask", kind="view"),
    "nothing to do": raw(),
    "a list to do": raw(do=["ask"]),
    "unknown": raw(do="dance", id=7),
    "a kind that is unknown": raw(do="ask", id=7, kind="song"),
    "a kind of a list": raw(do="ask", id=7, kind=[]),
    "no words": raw(do="ask", id=7, kind="text"),
    "words of numbers": raw(do="ask", id=7, kind="text", words=7),
    "no UTF-8": b"\xff\xfe\xfd\n",
    "no JSON": b"{{{\n",
    "deep": b"[" * 200_000 + b"\n",
    "long": b'{"v": 3, "do": "show", "frame": 1, "x": "' + b"x" * (messages.LONGEST + 10) + b'"}\n',
    "another version": b'{"v": 2, "do": "show", "frame": 1}\n',
    "no object": b"[1, 2]\n",
    "open nothing": raw(do="open", id=7),
    "open without frames": opened(shape=[0, 60, 80]),
    "open with a negative side": opened(shape=[3, -60, 80]),
    "open with two sides": opened(shape=[3, 60]),
    "open with sides of texts": opened(shape=["3", 60, 80]),
    "open what is too large": opened(shape=[2**31 - 1, 4096, 4096]),
    "open what is larger than the memory": opened(shape=[300, 600, 800]),
    "open memory that is not there": opened(memory=["/proc/1/fd/99999#1", "/dev/shm/echoapex-" + "0" * 32]),
    "open a device": opened(memory=["/dev/zero", "/dev/zero"]),
    "open memory of one name": opened(memory=["x"]),
    "open memory of no name": opened(memory=[None, 1]),
    "open with too few times": opened(seconds=[0.0]),
    "open with times that fall": opened(seconds=[2.0, 1.0, 0.0]),
    "open with a scale of nothing": opened(scale=[0.0, 1.0]),
    "open with a scale of texts": opened(scale=["a", "b"]),
    "click on a frame that is not there": raw(**CLICK | {"frames": [99]}),
    "click on no frame": raw(**CLICK | {"frames": []}),
    "click nowhere": raw(**CLICK | {"prompt": CLICK["prompt"] | {"points": [[1e9, -5, 1]], "box": None}}),
    "click without a place": raw(**CLICK | {"prompt": None}),
    "click on a place of three": raw(**CLICK | {"prompt": CLICK["prompt"] | {"points": [[1, 2, 1, 1]]}}),
    "carry to where there is nothing": raw(**CARRY | {"frames": [1, 2**30]}),
    "carry back and forth": raw(**CARRY | {"frames": [2, 1]}),
    "carry from where there is nothing": raw(**CARRY | {"given": [[77, 1.0]]}),
    "carry from nowhere": raw(**CARRY | {"given": []}),
    "carry more than there is": raw(**CARRY | {"given": [[0, 1.0]] * 500}),
    "carry as sure as never": raw(**CARRY | {"given": [[0, 7.0]]}),
    "a structure of a list": raw(**CARRY | {"structure": ["LV"]}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_panel_says_is_refused_and_the_next_click_is_answered(talk: Talk, name: str) -> None:
    talk.send(HOSTILE[name])
    refusal = talk.heard("refused", "answer", "opened", "cancelled")
    assert refusal["say"] == "refused" and refusal["failure"]["rule"]
    told = json.loads(HOSTILE[name]) if name not in ("no UTF-8", "no JSON", "deep", "long") else []
    number = told.get("id") if isinstance(told, dict) else None
    if type(number) is int and number < 2**60:
        assert refusal["id"] == number, "whoever waits for it must be told"
    assert talk.click()["say"] == "answer"


def test_no_file_but_shared_memory_is_ever_opened_for_writing(talk: Talk, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"x" * 10_000)
    talk.send(elsewhere(precious))
    assert talk.heard("refused", "opened")["say"] == "refused"
    assert talk.click()["say"] == "answer" and precious.read_bytes() == b"x" * 10_000
    link = tmp_path / ("echoapex-" + "0" * 32)
    link.symlink_to(precious)
    with pytest.raises(EchoApexError, match="no room to share"):
        SharedMemory(100, str(link))


@given(changed_records(OPEN) | changed_records(CLICK) | changed_records(CARRY) | changed_texts(CARRY))
def test_a_changed_message_is_what_it_says_or_is_refused(changed: Any) -> None:
    data = changed if isinstance(changed, bytes) else json.dumps(changed).encode()
    try:
        told = message(data)
        check_order(told)
        if told["do"] == "ask" and told["kind"] in ("prompt", "carry", "name"):
            question = question_from_message(told, SHARED)
            assert list(question.frames) == told["frames"] and question.structure == told["structure"]
    except EchoApexError as refusal:
        assert "\n" not in str(refusal) and len(str(refusal)) < 600
    else:
        assert told == json.loads(data)


@given(st.lists(st.binary(max_size=30), max_size=6), st.integers(1, 10))
def test_a_long_line_takes_no_more_room_than_the_longest(pieces: list[bytes], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(messages, "LONGEST", most)
        cutter = Lines()
        found = [one for piece in pieces for one in cutter.feed(piece)]
    whole = b"".join(pieces).split(b"\n")[:-1]
    assert found == [one[: most + 1] for one in whole if one[: most + 1].strip()]
