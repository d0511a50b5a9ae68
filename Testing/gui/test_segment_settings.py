"""What is set for all modules reaches the process of EchoApexSegment, at once or by its button; else it is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from segment_cases import LV, open_file, opened, place, press, real_cine, wait

from echoapex.models.installed_models import default_model, find_model

pytestmark = pytest.mark.usefixtures("ownProcess")
KEYS = ("Model", "Device", "Rater", "CacheSize")


@pytest.fixture
def choose(panel: Any) -> Iterator[Callable[..., None]]:
    """Sets some of the settings; before and after none is set."""
    import slicer

    settings = slicer.app.settings()

    def give(**values: str) -> None:
        for key, value in values.items():
            settings.setValue(f"EchoApex/{key}", value)

    yield give
    for key in KEYS:
        settings.remove(f"EchoApex/{key}")


def said(panel: Any) -> str:
    text = panel.ui.messageLabel.text()
    assert text and "\n" not in text
    return str(text)


def of_process(panel: Any) -> tuple[list[str], str | None]:
    """The command and the size of the cache that the process was given."""
    found = psutil.Process(panel.bench.process.pid)
    return found.cmdline(), found.environ().get("ECHOAPEX_CACHE_SIZE")


def test_model_device_cache_and_rater_reach_the_process(panel: Any, red: Any, choose: Any, tmp_path: Path) -> None:
    shutil.copytree(find_model(), tmp_path / "my-model")
    choose(Model=str(tmp_path / "my-model"), Device="cpu", CacheSize="0.5", Rater="r7")
    clip = opened(panel, real_cine())
    command, size = of_process(panel)
    assert str(tmp_path / "my-model") in command and command[command.index("--device") + 1] == "cpu" and size == "0.5"
    told = panel.bench.process.told
    assert Path(told.model["folder"]) == tmp_path / "my-model" and told.device == "cpu"
    assert told.reason == "cpu was asked for and works." and told.reason in panel.ui.deviceLabel.toolTip()
    place(panel, red, LV)
    choose(Rater="r8")
    place(panel, red, (LV[0] + 5, LV[1]))
    assert [given.rater for given in clip.entry.prompts] == ["r7", "r8"], "another rater counts at once"
    assert not panel.ui.startButton.isVisibleTo(panel.uiWidget)


def test_what_is_changed_while_it_runs_counts_when_it_is_started_again(panel: Any, red: Any, choose: Any) -> None:
    clip = opened(panel, real_cine())
    place(panel, red, LV)
    mask, pid = clip.state.mask(0, "LV"), panel.bench.process.pid
    assert of_process(panel)[1] is None
    choose(CacheSize="0.7", Device="cpu")
    wait(lambda: panel.ui.startButton.isVisibleTo(panel.uiWidget))
    assert panel.ui.startButton.text() == "Start again" and "settings were changed" in panel.ui.deviceLabel.text()
    assert panel.bench.process.pid == pid and panel.bench.process.ready, "nothing is taken from whoever works"
    press(panel, "startButton")
    wait(lambda: panel.bench.process is not None and panel.bench.process.ready)
    command, size = of_process(panel)
    assert panel.bench.process.pid != pid and size == "0.7" and "cpu" in command
    again = panel.bench.clip
    assert again.browser is clip.browser and (again.state.mask(0, "LV") == mask).all()
    wait(lambda: not panel.ui.startButton.isVisibleTo(panel.uiWidget))
    place(panel, red, (LV[0] + 5, LV[1]))
    assert len(again.entry.prompts) == 2


def test_a_model_that_is_not_there_is_said_and_the_cine_is_seen(panel: Any, choose: Any) -> None:
    import slicer

    from EchoApexLib.sliceView.redSliceSetup import shownBrowser

    choose(Model="no-such-model")
    open_file(panel, real_cine())
    assert "no-such-model" in said(panel) and default_model() in said(panel) and panel.bench.process is None
    assert shownBrowser(slicer.mrmlScene) is panel.ui.cineSelector.currentNode() is not None
    wait(lambda: panel.ui.startButton.isVisibleTo(panel.uiWidget))
    press(panel, "startButton")
    assert "no-such-model" in said(panel)
    choose(Model="")
    press(panel, "startButton")
    wait(lambda: panel.bench.process is not None and panel.bench.process.ready)
    assert panel.ui.messageLabel.text() == "" and panel.bench.clip.cine.frame_count == 30
    assert not panel.ui.startButton.isVisibleTo(panel.uiWidget)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("Device", "toaster", "The device in the settings must be one of auto, cpu, cuda, mps (found: toaster)."),
        ("CacheSize", "huge", "The size of the cache must be 0.1 to 1000 GiB (found: huge)."),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence_and_is_mended(
    panel: Any, choose: Any, key: str, value: str, sentence: str
) -> None:
    choose(**{key: value})
    open_file(panel, real_cine())
    assert said(panel) == sentence and panel.bench.process is None
    assert panel.bench.clip.cine.frame_count == 30, "looking at the cine goes on"
    wait(lambda: panel.ui.startButton.isVisibleTo(panel.uiWidget))
    assert panel.ui.deviceLabel.text() == "The model does not run."
    choose(**{key: ""})
    press(panel, "startButton")
    wait(lambda: panel.bench.process is not None and panel.bench.process.ready)


def test_a_device_that_does_not_work_here_is_said(panel: Any, choose: Any) -> None:
    import torch

    device = "mps" if torch.cuda.is_available() else "cuda"
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("all devices work here")
    choose(Device=device)
    open_file(panel, real_cine())
    wait(panel.ui.messageLabel.text)
    assert f"The device {device} does not work here" in said(panel)
    choose(Device="auto")
    wait(lambda: panel.ui.startButton.isVisibleTo(panel.uiWidget))
    press(panel, "startButton")
    wait(lambda: panel.bench.process is not None and panel.bench.process.ready)
