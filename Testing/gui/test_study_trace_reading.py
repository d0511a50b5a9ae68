"""The trace of the ejection fraction where a view lacks, is still being read, or cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study_panel_cases import chart_title, frames, held_opening, row_of, shown, wait

A4C, A2C = "A4C (simulated)", "A2C (simulated)"


def test_with_one_view_only_it_is_one_sentence(studyPanel: Any, tmp_path: Path, key: Any) -> None:
    import trace_cases

    studyPanel.study.openReport(trace_cases.apical_report(tmp_path / "report", trace_cases.apical_clip("A4C")))
    wait(lambda: studyPanel.trace.control.trace is not None)
    assert "biplane" not in chart_title() and chart_title().startswith("EF (simulated): A4C")
    key("V")
    told = studyPanel.ui.messageLabel.text()
    assert told == "Side by side needs an outlined A4C and A2C clip, and there is no A2C."
    assert not studyPanel.trace.control.paired and not studyPanel.ui.pairButton.isChecked()


def test_side_by_side_waits_for_the_view_that_is_read(
    studyPanel: Any, tmp_path: Path, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other view comes a few frames at a time, and does not keep the panel from what is asked for meanwhile."""
    import trace_cases
    from slicerhost.driving import settle

    from EchoApexLib.cine import clipOpening

    monkeypatch.setattr(clipOpening, "PIECE_BYTES", 1)
    go_on = held_opening(monkeypatch, "a2c.nrrd")
    studyPanel.study.openReport(trace_cases.apical_report(tmp_path / "report"))
    wait(lambda: studyPanel.trace.control.trace is not None)
    assert list(studyPanel.trace.control.trace.views) == ["A4C"] and studyPanel.study.opening.name == "a2c.nrrd"
    assert "a2c.nrrd" in studyPanel.ui.progressLabel.text() and studyPanel.ui.cancelButton.isEnabled()
    key("V")
    assert studyPanel.ui.messageLabel.text() == "A2C is being read: both are shown side by side once it is there."
    opening = studyPanel.study.opening
    studyPanel.results.goTo(row_of(studyPanel, "LVEF"))
    assert shown()[0] == A4C and studyPanel.study.opening is opening, "what is asked for is shown meanwhile"
    between, poll = set(), opening.poll
    monkeypatch.setattr(opening, "poll", lambda: between.add(opening.done) or poll())
    go_on()
    while opening.busy:
        settle(10)
    assert studyPanel.study.opening is None and len(between) > 10
    wait(lambda: studyPanel.trace.control.paired)
    assert len(studyPanel.trace.control.trace.views) == 2 and frames().keys() == {"A4C", "A2C"}


def test_a_canceled_view_is_not_read_again_by_itself(
    studyPanel: Any, tmp_path: Path, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trace_cases

    go_on = held_opening(monkeypatch, "a2c.nrrd")
    studyPanel.study.openReport(trace_cases.apical_report(tmp_path / "report"))
    wait(lambda: studyPanel.study.opening is not None and studyPanel.study.opening.name == "a2c.nrrd")
    studyPanel.study.cancel()
    go_on()
    wait(lambda: studyPanel.trace.control.trace is not None)
    assert studyPanel.study.opening is None and frames().keys() == {"A4C"}
    key("V")
    assert studyPanel.ui.messageLabel.text().endswith("there is no A2C (found: Its opening was canceled).")
    from EchoApexLib.study.openedReport import Place

    studyPanel.study.show(Place("a2c", 2))
    wait(lambda: shown() == (A2C, 2) and len(studyPanel.trace.control.trace.views) == 2)


def test_a_file_that_is_gone_leaves_the_other_view(studyPanel: Any, tmp_path: Path) -> None:
    import trace_cases

    folder = trace_cases.apical_report(tmp_path / "report")
    (folder / "clips" / "a2c.nrrd").unlink()
    studyPanel.study.openReport(folder)
    wait(lambda: studyPanel.trace.control.trace is not None and "a2c.nrrd" in studyPanel.ui.messageLabel.text())
    assert list(studyPanel.trace.control.trace.views) == ["A4C"] and shown() == (A4C, 4)
