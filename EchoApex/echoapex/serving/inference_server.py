"""The inference process: answers questions about one cine, clicks first, and encodes frames while nothing is asked."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from .. import __version__
from ..console import plain
from ..errors import EchoApexError
from ..inference.feature_cache import FeatureCache
from ..session.model_answers import Inference
from .heartbeat import Heartbeat
from .message_inbox import Inbox
from .message_shapes import TEXT, Message
from .messages import cine_from_message, line, question_from_message
from .parent_watch import watch_end
from .shared_memory import SharedCine

if TYPE_CHECKING:
    from ..models.model_loading import LoadedModel

DECODE_THREADS = 1
"""A decode is too short for more: beside a busy process, on two processors, one decode in ten of a similar decoder
took over 125 ms on two threads, and over 21 ms on one (measured)."""

MOST_ENCODE_THREADS = 4
"""Our choice: an encode of a small model gains little from more."""

_PROGRESS_S = 0.05


class _OverError(Exception):
    """The work at hand is not wanted any more."""


def serve(model_id: str | None, device: str, parent: int | None = None) -> NoReturn:
    """Answers on standard output what is asked on standard input until that is closed, and ends the process.

    The exit code is 1 where no model loads. It also ends with the process ``parent``, by default the one that started
    this one: somebody else may hold the other end of our input open.
    """
    # Whatever else is printed must not come between the messages.
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = Server(sys.stdin.buffer, out)
    watch_end(os.getppid() if parent is None else parent, server.end)
    answered = server.run(model_id, device)
    # With torch loaded Python's own ending takes seconds, and whoever closes our input waits for it.
    sys.stderr.flush()
    os._exit(0 if answered else 1)


class Server:
    """Reads messages from ``source`` and writes to ``out``; one cine at a time."""

    def __init__(self, source: BinaryIO, out: BinaryIO) -> None:
        self._out = out
        self._saying = threading.Lock()
        self._inbox = Inbox(source, self._refuse_message)
        self._heart = Heartbeat(lambda: self._say(say="beat"))
        self._disk = FeatureCache()
        self._shared: SharedCine | None = None
        self._inference: Inference | None = None
        self._shown = self._cine_number = 0
        self._complete = False
        self._told_problem = ""
        self._encode_threads = 0

    def run(self, model_id: str | None, device: str) -> bool:
        """Loads the model and answers until nobody asks any more; False where the model cannot be loaded."""
        # First of all: what is read may be refused at once.
        self._say(say="hello", version=__version__, pid=os.getpid())
        self._inbox.listen()
        self._heart.start()
        try:
            self._use(model_id, device)
        except Exception as problem:
            if not self._no_memory(problem):
                self._say(say="unusable", failure=_failure(problem))
                return False
            self._use(model_id, "cpu")
        self._inbox.work_begins()
        while not self._inbox.closed:
            self._heart.step()
            told = self._inbox.next()
            if told is not None:
                self._handle(told)
            elif not self._encode_one():
                with self._heart.resting():
                    self._inbox.wait()
        return True

    def end(self) -> None:
        """Ends the work and the process, as when nobody asks any more."""
        self._inbox.close()

    def _use(self, model_id: str | None, device: str) -> None:
        import torch

        from ..models.model_loading import load_model

        self._model: LoadedModel = load_model(model_id, device)
        if not self._encode_threads:
            # Before anything changes it, this is the number of physical cores; one is left to who asks.
            self._encode_threads = max(1, min(MOST_ENCODE_THREADS, torch.get_num_threads() - 1))
        card = self._model.card
        self._say(
            say="ready",
            model={"id": card.id, "hash": card.weights_sha256, "folder": str(self._model.folder)},
            device=str(self._model.device),
            reason=self._model.device_reason,
            threads={"encode": self._encode_threads, "decode": DECODE_THREADS},
            cache={"folder": str(self._disk.folder), "bytes": self._disk.size_bytes},
        )
        _give_memory_back()

    def _handle(self, told: Message) -> None:
        number = told["id"]
        try:
            if told["do"] == "open":
                self._open(told)
            else:
                self._say(say="answer", id=number, **self._answer(number, told))
        except _OverError:
            self._say(say="cancelled", id=number)
        except EchoApexError as refusal:
            self._say(say="refused", id=number, failure=refusal.as_failure())
        except Exception as problem:
            if self._fell_back(problem):
                self._handle(told)
                return
            # The process must outlive one question; the whole story is in its log.
            traceback.print_exc()
            self._say(say="refused", id=number, failure=_failure(problem))

    def _open(self, told: Message) -> None:
        # Refused, it leaves the cine before as it is.
        cine, shared = cine_from_message(told["cine"])
        self._inference, self._shared = Inference(self._model, cine, self._disk), shared
        self._shown, self._complete = told.get("shown", 0), False
        self._cine_number = told["id"]
        self._say(say="opened", id=told["id"])

    def _answer(self, number: int, told: Message) -> Message:
        inference, shared = self._inference, self._shared
        if inference is None or shared is None:
            raise EchoApexError("A cine must be opened before anything is asked about it")
        kind, progress = told["kind"], self._progress(number)
        self._threads(self._encode_threads)
        if kind == TEXT:
            return {TEXT: self._understood(told["words"])}
        if kind == "landmarks":
            return {"landmarks": plain(inference.landmarks(progress))}
        if kind == "view":
            return {"view": plain(inference.view())}
        question = question_from_message(told, shared)
        if kind == "prompt":
            inference.encode(question.frames[0])
            self._threads(DECODE_THREADS)
        found = inference.answer(question, progress)
        for row, mask in enumerate(found.masks):
            if kind == "prompt":
                shared.prompt.put(1, mask)
            else:
                shared.masks.put(row, mask)
        if kind != "prompt":
            _give_memory_back()
        return {"confidence": plain(found.confidence)}

    def _understood(self, words: str) -> Message:
        from ..models.text_to_structure import resolve_text

        found = resolve_text(words, self._model.text)
        return {"structure": found.structure.id, "reason": found.reason}

    def _progress(self, number: int) -> Callable[[int, int], None]:
        """Between two steps: answers clicks, tells how far it is, and ends what is not wanted any more."""
        told_at = 0.0

        def tell(done: int, total: int) -> None:
            nonlocal told_at
            self._heart.step()
            while (click := self._inbox.click()) is not None:
                self._handle(click)
            if self._inbox.is_over(number):
                raise _OverError
            self._threads(self._encode_threads)
            now = time.monotonic()
            if done == total or now - told_at > _PROGRESS_S:
                told_at = now
                self._say(say="progress", id=number, done=done, total=total)

        return tell

    def _encode_one(self) -> bool:
        """Encodes one more frame; False where none is left to encode."""
        shown = self._inbox.take_shown()
        if shown is not None:
            self._shown, self._complete = shown, False
        if self._inference is None or self._complete:
            return False
        count = self._inference.cine.frame_count
        self._threads(self._encode_threads)
        try:
            frame = self._inference.encode_next(min(max(self._shown, 0), count - 1))
        except Exception as problem:
            return self._encoding_failed(problem)
        self._complete = frame is None
        if frame is None:
            _give_memory_back()
        # In the end all of them: answers to questions have encoded some, too.
        frames = self._inference.encoded_frames if frame is None else [frame]
        self._say(say="encoded", cine=self._cine_number, frames=frames)
        if self._disk.problem != self._told_problem:
            self._told_problem = self._disk.problem
            self._say(say="note", text=self._told_problem)
        return frame is not None

    def _encoding_failed(self, problem: Exception) -> bool:
        """Whether encoding goes on; where it does not, a question about a frame tells what is wrong with it."""
        if self._fell_back(problem):
            return True
        traceback.print_exc()
        self._complete = True
        self._say(say="note", text=f"Frames are not encoded ahead: {type(problem).__name__}: {problem}")
        return False

    def _no_memory(self, problem: Exception) -> bool:
        """Whether an accelerator had no memory left, which is said."""
        if isinstance(problem, ModuleNotFoundError):
            return False
        import torch

        if not isinstance(problem, torch.OutOfMemoryError):
            return False
        torch.cuda.empty_cache()
        self._say(say="note", text="The accelerator has no memory left: the processor is used from now on.")
        return True

    def _fell_back(self, problem: Exception) -> bool:
        """Whether an accelerator had no memory left, and the processor is used from now on."""
        if self._model.device.type == "cpu" or not self._no_memory(problem):
            return False
        cine = None if self._inference is None else self._inference.cine
        self._inference = None
        self._use(str(self._model.folder), "cpu")
        if cine is not None:
            self._inference = Inference(self._model, cine, self._disk)
        return True

    def _threads(self, count: int) -> None:
        import torch

        if torch.get_num_threads() != count:
            torch.set_num_threads(count)

    def _refuse_message(self, refusal: EchoApexError, number: int) -> None:
        self._say(say="refused", id=number, failure=refusal.as_failure())

    def _say(self, **told: object) -> None:
        # Nobody listens: the inbox ends us.
        with self._saying, suppress(OSError):
            self._out.write(line(told))
            self._out.flush()


def _give_memory_back() -> None:
    """What work through a whole cine has left free goes back to the system: glibc would keep some 70 MB (measured)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _failure(problem: Exception) -> dict[str, object]:
    if isinstance(problem, EchoApexError):
        return problem.as_failure()
    if isinstance(problem, ModuleNotFoundError):
        return EchoApexError("A library that the model needs is not installed", value=problem.name).as_failure()
    first = (str(problem).strip().splitlines() or [""])[0]
    return EchoApexError("The model failed at this question", value=f"{type(problem).__name__}: {first}").as_failure()
