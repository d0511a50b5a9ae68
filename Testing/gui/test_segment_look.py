"""How the panel of EchoApexSegment looks: nothing overlaps or is cut off, and all that acts says what it does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from look_cases import area_of, cells_cut, lacking, overlapping, place_of, reached_by_tab, widgets_of
from segment_cases import LV, carried, opened, place, real_cine, simulated, wait

from echoapex.simulation.heart import Tissue

SECTIONS = ("cineSection", "outlineSection", "reviewSection", "volumeSection", "wallsSection", "editSection")
PANEL_WIDTH = 420
SMALL_SCREEN = (1280, 800)


@pytest.fixture
def unfolded(panel: Any, host: Any) -> Iterator[Any]:
    """The panel with its sections opened, in a window of a small screen, at the least width a panel has."""
    from slicerhost.driving import settle

    before = {name: getattr(panel.ui, name).collapsed for name in SECTIONS}
    size = host.window.size()
    host.window.resize(*SMALL_SCREEN)
    for name in SECTIONS[:-1]:
        getattr(panel.ui, name).collapsed = False
    settle(50)
    yield panel
    panel.timer.start()
    for name, folded in before.items():
        getattr(panel.ui, name).collapsed = folded
    host.window.resize(size)
    settle(50)


def check_looks(panel: Any) -> None:
    assert overlapping(panel) == []
    assert lacking(panel) == []
    for table in (panel.ui.structureTable, panel.ui.wallTable):
        assert cells_cut(table) == []
        rows = sum(table.rowHeight(row) for row in range(table.rowCount()))
        assert table.viewport().height() >= rows, f"{table.objectName()} shows all rows"
    area = area_of(panel)
    assert area.widget().width() <= area.viewport().width(), "nothing is beyond the right edge"
    assert area.widget().minimumSizeHint().width() <= area.viewport().width()


def test_an_empty_panel_is_seen_whole(unfolded: Any) -> None:
    assert area_of(unfolded).width() <= PANEL_WIDTH
    check_looks(unfolded)


def test_with_outlines_numbers_and_a_message_nothing_overlaps_or_is_cut(
    unfolded: Any, red: Any, tmp_path: Path
) -> None:
    path, truth = simulated(tmp_path, "A4C", 900_201)
    opened(unfolded, path)
    rows, columns = np.nonzero(truth.labels(0) == Tissue.LV)
    place(unfolded, red, (float(np.median(columns)), float(np.median(rows))))
    carried(unfolded)
    wait(lambda: "LVEF" in unfolded.ui.numbersLabel.text())
    assert "demonstration" in unfolded.ui.numbersLabel.text() and "Simulated" in unfolded.ui.numbersLabel.text()
    unfolded.say("A message that is so long that it takes two lines of the panel, because it names a rule: 12.5")
    wait(unfolded.ui.messageLabel.isVisible)
    check_looks(unfolded)


def test_without_a_scale_with_walls_and_a_process_to_start_nothing_overlaps_or_is_cut(unfolded: Any) -> None:
    from slicerhost.driving import settle

    clip = opened(unfolded, real_cine())
    clip.suggestWalls()
    wait(lambda: clip.progress is None and clip.walls.points is not None)
    # What follows would be shown anew at the next tick.
    unfolded.timer.stop()
    unfolded.ui.startButton.setVisible(True)
    settle()
    assert unfolded.ui.startButton.isVisible()
    check_looks(unfolded)


def test_a_word_that_cannot_be_broken_pushes_nothing_out_of_sight(unfolded: Any) -> None:
    from slicerhost.driving import settle

    wide = unfolded.uiWidget.minimumSizeHint().width()
    unfolded.say(f"The weights are not those: {'0123456789abcdef' * 8}")
    settle(50)
    assert unfolded.ui.messageLabel.isVisible() and unfolded.uiWidget.minimumSizeHint().width() == wide


def test_a_short_message_moves_nothing(unfolded: Any) -> None:
    from slicerhost.driving import settle

    before = place_of(unfolded, unfolded.ui.cineSection)
    unfolded.say("There is nothing to undo.")
    settle(50)
    assert unfolded.ui.messageLabel.isVisible()
    assert place_of(unfolded, unfolded.ui.cineSection) == before
    assert place_of(unfolded, unfolded.ui.messageLabel).bottom() < before.top()


def test_everything_that_acts_says_what_it_does(unfolded: Any) -> None:
    from PySide6 import QtWidgets

    kinds = (QtWidgets.QPushButton, QtWidgets.QComboBox, QtWidgets.QLineEdit)
    found = [one for kind in kinds for one in widgets_of(unfolded, kind) if one.objectName()]
    acting = [*found, unfolded.ui.cineSelector]
    wait(unfolded.ui.undoButton.toolTip)
    assert len(acting) > 20
    assert [one.objectName() for one in acting if not one.toolTip()] == []


def test_tab_goes_from_top_to_bottom(unfolded: Any, host: Any) -> None:

    opened(unfolded, real_cine())
    assert len(reached_by_tab(unfolded, host.window)) > 20


def test_buttons_of_a_row_have_one_width(unfolded: Any) -> None:
    for names in (
        ("pointButton", "boxButton", "polarityButton"),
        ("backButton", "wholeButton", "forwardButton"),
        ("acceptButton", "flagButton", "reopenButton", "nextButton", "acceptAllButton", "clearButton"),
        ("edButton", "esButton", "foundButton"),
        ("suggestButton", "placeButton", "confirmButton", "wallUndoButton"),
    ):
        widths = [getattr(unfolded.ui, name).width() for name in names]
        assert max(widths) - min(widths) <= 1, names


def test_on_a_small_screen_review_needs_no_scrolling(unfolded: Any) -> None:
    area = area_of(unfolded)
    area.verticalScrollBar().setValue(0)
    end = unfolded.ui.clearButton.mapTo(area.viewport(), unfolded.ui.clearButton.rect().bottomLeft()).y()
    assert end < area.viewport().height()


def test_the_curve_of_another_cine_is_not_shown(panel: Any, red: Any, tmp_path: Path) -> None:
    import slicer

    path, _ = simulated(tmp_path, "PLAX", 900_201, beats=0.3)
    node = slicer.app.layoutManager().plotWidget(0).mrmlPlotViewNode()
    first = opened(panel, real_cine())
    place(panel, red, LV)
    wait(lambda: first.curve.chart is not None and node.GetPlotChartNodeID() == first.curve.chart.GetID())
    opened(panel, path)
    wait(lambda: node.GetPlotChartNodeID() is None)
    panel.stepClip(1)
    wait(lambda: node.GetPlotChartNodeID() == first.curve.chart.GetID())


@pytest.mark.parametrize("dark", [False, True])
def test_the_strip_can_be_read_on_a_light_and_a_dark_ground(panel: Any, red: Any, dark: bool) -> None:
    from PySide6 import QtGui
    from slicerhost.driving import settle

    opened(panel, real_cine())
    place(panel, red, LV)
    strip = panel.ui.stripPlace.layout().itemAt(0).widget()
    ground, text = (QtGui.QColor(30, 30, 30), QtGui.QColor(240, 240, 240))[:: 1 if dark else -1]
    palette = strip.palette()
    palette.setColor(QtGui.QPalette.ColorRole.Base, ground)
    palette.setColor(QtGui.QPalette.ColorRole.Text, text)
    strip.setPalette(palette)
    settle(50)
    picture = strip.grab().toImage()
    assert picture.pixelColor(strip.width() // 2, 4) == ground
    assert picture.pixelColor(1, strip.height() // 2) == text, "the frame that is shown is marked"
