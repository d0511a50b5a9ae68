"""Evaluation of a real model: which data it may be scored on, what its card keeps, and several processes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import torch
from evaluation_subjects import SEED, TINY
from report_cases import CARD

from echoapex.cli import evaluate as verb
from echoapex.console import plain
from echoapex.errors import EchoApexError, ModelError
from echoapex.evaluation import parallel_patients
from echoapex.evaluation.run_evaluation import evaluate
from echoapex.evaluation.trials.all_tasks import TASKS
from echoapex.models.model_card import CARD_FILE, PAGE_FILE, read_card
from echoapex.models.model_loading import save_model
from echoapex.models.prompt_segmenter import create_segmenter
from echoapex.simulation.data_source import SimulatedData


@pytest.mark.parametrize("text", ["simulated:hard", "camus:/data", "simulated:brutal:5", "simulated:hard:0"])
def test_data_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(EchoApexError, match="simulated:PRESET:N"):
        SimulatedData.parse(text)


def test_data_default_to_the_test_seeds() -> None:
    assert SimulatedData.parse("simulated:hard:100") == SimulatedData("hard", 100, 900_000)
    assert SimulatedData.parse("simulated:easy:3:17").first_seed == 17
    assert str(SimulatedData.parse("simulated:hard:100")) == "simulated:hard:100:900000"


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights: its scores are arbitrary, how they come about is not."""
    torch.manual_seed(4)
    folder = tmp_path_factory.mktemp("models") / CARD.id
    save_model(folder, create_segmenter("vit_tiny", 16, 64, len(CARD.structures)), CARD)
    return folder


def test_a_model_is_scored_saved_and_shown(model_folder: Path) -> None:
    said: list[str] = []
    data = f"simulated:easy:1:{SEED}"
    made = evaluate(model_folder, "all", data, "cpu", save=True, say=said.append, acquisition=TINY)
    tasks = {"segmentation", "ef", "prompts", "beats", "carrying"}
    assert set(made) == tasks, "there is no view head and no landmark head"
    assert any("views is not scored" in text for text in said)
    found = made["segmentation"]
    for metric in ("dice/{}/text", "dice/{}/box", "dice/{}/click1", "missed/{}", "confidence_error/{}"):
        for name in CARD.structures:
            assert 0 <= found[metric.format(name)]["value"] <= 1
            # Of one patient there is no mean shape of others.
            assert (found[metric.format(name)]["constant"] is None) == metric.endswith("/box")
    assert 0 <= found["false_alarm/RV"]["value"] <= 1, "there is no right ventricle in A2C"
    assert made["prompts"]["clicks"]["value"] >= 6
    assert {f"carried_dice/LV/{way}" for way in ("box", "mask+text", "box/flow", "mask/flow")} <= set(made["carrying"])
    assert read_card(model_folder).scores == {data: plain(made)}
    assert "NaN" not in (model_folder / CARD_FILE).read_text(encoding="utf-8")
    assert data in (model_folder / PAGE_FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("data", ["simulated:hard:2:0", "simulated:hard:2:900999"])
def test_scores_of_other_hearts_are_not_saved(data: str, model_folder: Path) -> None:
    with pytest.raises(EchoApexError, match="900000 to 900999"):
        evaluate(model_folder, "ef", data, "cpu", save=True)


def test_hearts_that_may_have_been_trained_on_are_said_to_be(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(ModelError):
        evaluate(tmp_path / "none", "ef", "simulated:hard:2:7", "cpu", say=said.append)
    assert "may have been trained on" in said[0] and "7 to 8" in said[0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task": "everything"}, "A task is one of"),
        ({"task": "views"}, "no head for views"),
        ({"task": "ef", "processes": 0}, "one process or more"),
        ({"task": "prompts", "held_out": "LV"}, "taught by name"),
        ({"task": "prompts", "held_out": "SPLEEN"}, "one that is simulated"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_is_drawn(
    options: dict[str, object], words: str, model_folder: Path
) -> None:
    with pytest.raises(EchoApexError, match=words):
        evaluate(model_folder, data="simulated:hard:1", device="cpu", **options)  # type: ignore[arg-type]


def test_the_command_line_has_every_task() -> None:
    assert list(verb.TASKS) == [*TASKS, "all"]


class Inline:
    """In place of a pool of processes, which take long to start; what would travel is pickled all the same."""

    def __init__(self, count: int, *, mp_context: object, initializer: Callable[..., None], initargs: object) -> None:
        initializer(*pickle.loads(pickle.dumps(initargs)))  # noqa: S301

    def submit(self, work: Callable[..., object], *arguments: object) -> Future[object]:
        future: Future[object] = Future()
        try:
            future.set_result(pickle.loads(pickle.dumps(work(*pickle.loads(pickle.dumps(arguments))))))  # noqa: S301
        except BrokenProcessPool as broken:
            future.set_exception(broken)
        return future

    def shutdown(self, *, cancel_futures: bool) -> None:
        assert cancel_futures


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch, model_folder: Path, tmp_path: Path) -> Callable[[], object]:
    """Evaluates two patients in two processes, or what stands for them."""
    monkeypatch.setattr(parallel_patients, "ProcessPoolExecutor", Inline)
    options = {"device": "cpu", "acquisition": TINY, "work": tmp_path, "processes": 2}
    return lambda: evaluate(model_folder, "ef", f"simulated:easy:2:{SEED}", **options)  # type: ignore[arg-type]


def test_several_processes_find_what_one_finds(
    beside: Callable[[], object], model_folder: Path, tmp_path: Path
) -> None:
    threads = torch.get_num_threads()
    found = beside()
    torch.set_num_threads(threads)
    assert len(list(tmp_path.rglob("*-ef.npz"))) == 2
    alone = evaluate(model_folder, "ef", f"simulated:easy:2:{SEED}", "cpu", acquisition=TINY)
    assert plain(found) == plain(alone)


def test_a_refusal_in_a_process_arrives_whole(beside: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise EchoApexError("This rule", value=3, file="a.dcm")

    monkeypatch.setattr(parallel_patients, "examine", refuse)
    with pytest.raises(EchoApexError, match=r"^a.dcm: This rule \(found: 3\)\.$"):
        beside()


def test_a_process_that_dies_is_said_to_have(beside: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise BrokenProcessPool

    monkeypatch.setattr(parallel_patients, "examine", die)
    with pytest.raises(EchoApexError, match="fewer processes"):
        beside()
