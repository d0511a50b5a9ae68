"""The list of clips in the panel of EchoApex: pictures, order and filter; several studies stay apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from study_panel_cases import cells, clip_files, opened, wait, written_report


def names(panel: Any) -> list[str]:
    return [panel.ui.clipTable.item(row, 0).text() for row in range(panel.ui.clipTable.rowCount())]


@pytest.fixture
def listed(studyPanel: Any, tmp_path: Path) -> Any:
    """The clips of a report (A4C and A2C, measured), and two of another folder, which nobody has named."""
    folder = written_report(tmp_path / "report")
    clip_files(tmp_path / "z-others", "d", "c")
    opened(studyPanel, folder / "clips", tmp_path / "z-others")
    studyPanel.study.openReport(folder)
    wait(lambda: studyPanel.study.list.clips[0].result.startswith("measured"))
    yield studyPanel
    for box in (studyPanel.ui.filterBox, studyPanel.ui.sortBox):
        box.setCurrentIndex(0)
    studyPanel.ui.measuredBox.setChecked(False)


def test_each_clip_gets_a_small_picture_of_its_middle_frame(listed: Any) -> None:
    from echoapex.study.clip_pictures import HEIGHT, WIDTH

    wait(lambda: len(listed.study.list.pictures) == 4)
    table = listed.ui.clipTable
    wait(lambda: not table.item(1, 0).icon().isNull())
    for file, pixels in listed.study.list.pictures.items():
        picture = np.frombuffer(pixels, np.uint8).reshape(HEIGHT, WIDTH)
        assert picture.max() > 60, file
    shown = table.item(1, 0).icon().pixmap(WIDTH, HEIGHT).toImage()
    wanted = np.frombuffer(listed.study.list.pictures[listed.examination.table.fileOf(1)], np.uint8)
    found = [shown.pixelColor(x, HEIGHT // 2).red() for x in range(WIDTH)]
    assert found == wanted.reshape(HEIGHT, WIDTH)[HEIGHT // 2].tolist()


def test_clips_are_sorted_in_their_study(listed: Any) -> None:
    assert names(listed) == ["study-1: 2 clips", "a.nrrd", "b.nrrd", "study-2: 2 clips", "c.nrrd", "d.nrrd"]
    listed.ui.clipTable.horizontalHeader().sectionClicked.emit(1)
    wait(lambda: names(listed)[1:3] == ["b.nrrd", "a.nrrd"])
    assert listed.ui.sortBox.currentText() == "by view"
    chosen = listed.examination.chosen
    listed.ui.sortBox.setCurrentIndex(listed.ui.sortBox.findData("name"))
    wait(lambda: names(listed)[1:3] == ["a.nrrd", "b.nrrd"])
    assert listed.examination.chosen == chosen and names(listed)[3] == "study-2: 2 clips"


def test_only_one_view_or_what_was_measured_is_shown(listed: Any) -> None:
    box = listed.ui.filterBox
    wait(lambda: box.count() == 4)
    assert [box.itemText(row) for row in range(4)] == ["all views", "A2C", "A4C", "no view"]
    box.setCurrentIndex(1)
    wait(lambda: names(listed) == ["study-1: 2 clips", "b.nrrd", "study-2: 2 clips"])
    # A view that is given counts at once, and the filter stays as it is.
    listed.study.list.giveView(next(clip.file for clip in listed.study.list.clips if clip.file.name == "c.nrrd"), "A2C")
    listed.outdate()
    wait(lambda: names(listed)[-1] == "c.nrrd")
    assert box.currentText() == "A2C" and cells(listed.ui.clipTable, 3)[1] == "A2C\nyou"
    box.setCurrentIndex(0)
    listed.ui.measuredBox.click()
    wait(lambda: names(listed) == ["study-1: 2 clips", "a.nrrd", "b.nrrd", "study-2: 2 clips"])
