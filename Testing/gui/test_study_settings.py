"""The page of EchoApex in Slicer's settings, and the sample data: what is set is used, what cannot be is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from study_panel_cases import clip_files, opened, press, wait

KEYS = ("Model", "Device", "Rater", "CacheSize", "ReportFolder")


@pytest.fixture
def page(studyPanel: Any) -> Iterator[Any]:
    """The page, with nothing set before and after."""
    import slicer

    from EchoApexPanelLib.settingsPage import addSettingsPage

    settings = slicer.app.settings()
    before = {key: settings.value(f"EchoApex/{key}") for key in KEYS}
    for key in KEYS:
        settings.remove(f"EchoApex/{key}")
    yield addSettingsPage()
    for key, value in before.items():
        settings.remove(f"EchoApex/{key}")
        if value is not None:
            settings.setValue(f"EchoApex/{key}", value)


def chosen(key: str) -> Any:
    import slicer

    return slicer.util.settingsValue(f"EchoApex/{key}", "")


def pick(box: Any, value: str) -> None:
    box.setCurrentIndex(box.findData(value))
    box.activated.emit(box.currentIndex())


def test_what_is_set_is_kept_at_once_and_goes_to_the_analysis(page: Any, studyPanel: Any, tmp_path: Path) -> None:
    from echoapex.models.installed_models import default_model
    from EchoApexLib.userSettings import UserSettings

    pick(page.modelBox, default_model())
    pick(page.deviceBox, "cpu")
    page.raterEdit.setText(" r7 ")
    page.raterEdit.editingFinished.emit()
    page.cacheBox.setValue(1.5)
    page.folderEdit.currentPath = str(tmp_path / "new reports")
    assert [chosen(key) for key in KEYS] == [default_model(), "cpu", "r7", "1.5", str(tmp_path / "new reports")]
    assert page.messageLabel.text() == ""
    found = UserSettings.read()
    assert found == UserSettings(default_model(), "cpu", "r7", "1.5")
    assert found.environment() == {"ECHOAPEX_CACHE_SIZE": "1.5"}
    wait(lambda: studyPanel.ui.folderEdit.currentPath == str(tmp_path / "new reports"))
    opened(studyPanel, clip_files(tmp_path / "clips", "a"))
    commands: list[Any] = []
    studyPanel.study._start = commands.append
    press(studyPanel, "analyzeButton")
    (command,) = commands
    text = " ".join(command)
    assert f"analyze --model {default_model()} --device cpu " in text and str(tmp_path / "new reports") in text
    assert command[command.index("--") + 1 :] == [str((tmp_path / "clips" / "a.nrrd").resolve())]


def test_what_cannot_be_is_said_and_not_kept(page: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    page.folderEdit.currentPath = str(tmp_path / "file" / "reports")
    assert "Reports cannot be written in this folder" in page.messageLabel.text() and chosen("ReportFolder") == ""
    page.folderEdit.currentPath = str(tmp_path / ("x" * 5000))
    assert "Reports cannot be written in this folder" in page.messageLabel.text() and chosen("ReportFolder") == ""
    page.raterEdit.setText("r" * 61)
    page.raterEdit.editingFinished.emit()
    assert "code of at most 60 characters" in page.messageLabel.text() and chosen("Rater") == ""


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("Device", "toaster", "The device in the settings must be one of auto, cpu, cuda, mps (found: toaster)."),
        ("Model", "no-such-model", "no-such-model"),
        ("CacheSize", "huge", "The size of the cache must be 0.1 to 1000 GiB (found: huge)."),
        ("CacheSize", "-1", "The size of the cache must be 0.1 to 1000 GiB (found: -1)."),
        ("CacheSize", "nan", "The size of the cache must be 0.1 to 1000 GiB (found: nan)."),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence_before_anything_runs(
    page: Any, studyPanel: Any, tmp_path: Path, key: str, value: str, sentence: str
) -> None:
    import slicer

    from EchoApexPanelLib.settingsPage import addSettingsPage

    slicer.app.settings().setValue(f"EchoApex/{key}", value)
    opened(studyPanel, clip_files(tmp_path, "a"))
    studyPanel.study._start = lambda command: pytest.fail("nothing may start")
    press(studyPanel, "analyzeButton")
    said = studyPanel.ui.messageLabel.text()
    assert sentence in said and "\n" not in said
    assert sentence in addSettingsPage().messageLabel.text()


def test_the_real_cine_is_listed(studyPanel: Any) -> None:
    from EchoApexPanelLib.sampleData import loadRealCine

    loadRealCine()
    wait(lambda: not studyPanel.study.listing and studyPanel.study.list.clips)
    (clip,) = studyPanel.study.list.clips
    assert (clip.frames, clip.scale, clip.refusal) == (30, "none", "")


def test_the_simulated_study_is_made_and_listed(
    studyPanel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from EchoApexLib.study import sampleStudy
    from EchoApexPanelLib.sampleData import loadSimulatedStudy

    make = sampleStudy.WatchedProcess
    small = "from echoapex.simulation import sample_study as s; s._ROWS, s._COLUMNS, s._FRAMES = 90, 120, 4; s.main()"
    monkeypatch.setattr(sampleStudy, "WatchedProcess", lambda command: make([sys.executable, "-c", small, command[3]]))
    loadSimulatedStudy()
    assert "A study of a simulated heart is being made" in studyPanel.ui.messageLabel.text()
    wait(lambda: not studyPanel.study.busy and studyPanel.study.list.clips)
    assert {clip.view for clip in studyPanel.study.list.clips} == {"A4C", "A2C", "PLAX"}
    assert studyPanel.ui.messageLabel.text() == "" and studyPanel.ui.listLabel.text() == "3 clips."
    monkeypatch.setattr(
        sampleStudy, "WatchedProcess", lambda command: make([sys.executable, "-c", "raise SystemExit('disk full')"])
    )
    loadSimulatedStudy()
    wait(lambda: studyPanel.study.samples.underWay is None)
    assert studyPanel.ui.messageLabel.text() == "The simulated study could not be made (found: disk full)."
    assert len(studyPanel.study.list.clips) == 3, "what was listed stays"


def test_samples_are_listed_where_slicer_has_that_module(studyPanel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types

    import slicer

    from EchoApexPanelLib.sampleData import registerSampleData

    found: list[dict[str, Any]] = []
    logic = types.SimpleNamespace(registerCustomSampleDataSource=lambda **facts: found.append(facts))
    registerSampleData(studyPanel.resourcePath)
    assert found == []
    monkeypatch.setattr(slicer.modules, "sampledata", object(), raising=False)
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic))
    registerSampleData(studyPanel.resourcePath)
    assert [facts["category"] for facts in found] == ["EchoApex"] * 2
    assert all(Path(facts["thumbnailFileName"]).is_file() for facts in found)
