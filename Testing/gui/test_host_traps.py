"""The Host is as hard on panels as Slicer is: what goes wrong there goes wrong here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from test_host_widgets_slicer import makeSegmentation, makeSequence
from widget_cases import recorded

PANEL_CODE = "<panel code of the test of repaints>"


def test_the_segment_editor_is_deaf_while_the_scene_closes(scene: Any, uncaught: list[BaseException], red: Any) -> None:
    """As in Slicer: the effect stays active and keeps its observers of the views, whatever is said to the editor."""
    import slicer
    from slicerhost.driving import settle

    editor, node = slicer.qMRMLSegmentEditorWidget(), slicer.vtkMRMLSegmentEditorNode()
    node.SetSingletonTag("test")
    node.SetSaveWithScene(False)
    editor.setMRMLScene(scene)
    editor.setMRMLSegmentEditorNode(scene.AddNode(node))
    editor.setSegmentationNode(makeSegmentation(scene))
    editor.setActiveEffectByName("Paint")
    assert editor.activeEffect().name == "Paint" and editor.availableEffectNames() == ["Paint"]
    seen = []

    def close(*_: Any) -> None:
        editor.setActiveEffectByName("")
        seen.append(editor.activeEffect())

    tag = scene.AddObserver(scene.StartCloseEvent, close)
    scene.Clear(0)
    scene.RemoveObserver(tag)
    assert seen[0] is not None and editor.activeEffect() is not None, "deaf"
    settle()
    assert editor.activeEffect() is None, "and hears again afterwards"
    red.move(red.center())
    assert uncaught == []


def test_an_effect_without_its_nodes_is_where_slicer_crashes(
    scene: Any, uncaught: list[BaseException], red: Any
) -> None:
    import slicer

    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLScene(scene)
    editor.setMRMLSegmentEditorNode(scene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    editor.setSegmentationNode(makeSegmentation(scene))
    editor.setActiveEffectByName("Paint")
    red.move(red.center())
    assert "Slicer would crash here" in str(uncaught.pop())
    uncaught.clear()
    editor.removeViewObservations()
    red.move((5, 5))
    assert uncaught == []


def test_the_tool_bar_of_sequences_turns_to_what_a_scene_brings(scene: Any, panelOf: Any, tmp_path: Any) -> None:
    import slicer
    from slicerhost.driving import settle

    panelOf("HostProbe")
    module = slicer.modules.sequences
    bar = module.toolBar()
    module.setToolBarVisible(False)
    for count in (2, 3):
        makeSequence(scene, count)
    first, last = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    assert bar.activeBrowserNode() is first, "without None the first there is"
    path = str(tmp_path / "two.mrb")
    assert slicer.util.saveScene(path)
    scene.Clear(0)
    for shows, number, visible in ((True, 1, True), (False, 0, False)):
        module.setAutoShowToolBar(shows)
        seen = recorded(bar.activeBrowserNodeChanged)
        slicer.util.loadScene(path)
        settle(60)
        browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
        assert bar.activeBrowserNode() is browsers[number] and seen[-1][1] is browsers[number]
        assert module.toolBarVisible is visible
        scene.Clear(0)
        module.setToolBarVisible(False)
    module.setAutoShowToolBar(True)


def test_the_tool_bar_plays_its_browser(scene: Any) -> None:
    import slicer
    from PySide6 import QtWidgets
    from slicerhost.driving import clickButton, settle

    browser = makeSequence(scene, 9)
    module = slicer.modules.sequences
    assert module.showSequenceBrowser(browser)
    play = module.toolBar().findChild(slicer.qMRMLSequenceBrowserPlayWidget)
    browser.SetPlaybackRateFps(100)
    clickButton(next(one for one in play.findChildren(QtWidgets.QToolButton) if one.text() == "Play"))
    for _ in range(200):
        settle(50)
        if browser.GetSelectedItemNumber() > 0:
            break
    assert browser.GetSelectedItemNumber() > 0
    play.onVcrPlayPause(False)
    module.setToolBarVisible(False)


def test_the_window_has_keys_for_undo_and_redo_that_no_widget_hears(host: Any) -> None:
    from PySide6 import QtGui
    from slicerhost.driving import CONTROL, pressKey

    found = {action.shortcut().toString(): action for action in host.window.findChildren(QtGui.QAction)}
    heard: list[str] = []
    for key in ("Ctrl+Z", "Ctrl+Y"):
        assert found[key].isEnabled() and found[key].associatedObjects() == []
        found[key].triggered.connect(lambda *_, key=key: heard.append(key))
        pressKey(host.window.moduleSelector(), key[-1].lower(), CONTROL)
    assert heard == []


def test_what_panel_code_paints_at_once_is_counted(host: Any) -> None:
    from PySide6 import QtWidgets
    from slicerhost.driving import settle
    from slicerhost.panelcode import registerPanelName
    from slicerhost.repaints import ForcedRepaints

    registerPanelName(PANEL_CODE)
    space: dict[str, Any] = {}
    exec(compile("def call(function, *arguments):\n    function(*arguments)", PANEL_CODE, "exec"), space)  # noqa: S102
    bar = QtWidgets.QProgressBar(host.window)
    bar.show()
    bar.raise_()
    settle()
    call = space["call"]
    for function, arguments, count in (
        (bar.update, (), 0),
        (bar.repaint, (), 1),
        (bar.reset, (), 1),
        (bar.setValue, (50,), 1),
        (bar.setToolTip, ("seen",), 0),
    ):
        with ForcedRepaints() as forced:
            call(function, *arguments)
            settle()
        assert forced.count == count and ("QProgressBar" in forced.widgets) == bool(count), function
    with ForcedRepaints() as forced:
        bar.repaint()
    assert forced.count == 0, "no panel code"
    bar.deleteLater()


def test_packaging_is_there_only_once_it_is_imported() -> None:
    program = (
        "import slicerhost.host as starting; starting.boot(testing=True); import slicer\n"
        "print(hasattr(slicer, 'packaging'))\n"
        "import slicer.packaging; print(slicer.packaging.pip_check('numpy'))\n"
        "import os, sys; sys.stdout.flush(); os._exit(0)\n"
    )
    path = str(Path(__file__).resolve().parents[1] / "Host")
    code = f"import sys; sys.path.insert(0, {path!r})\n{program}"
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_the_window_gives_a_panel_the_width_that_it_asks_for(host: Any, panelOf: Any) -> None:
    from PySide6 import QtWidgets
    from slicerhost.driving import settle

    probe = panelOf("HostProbe")
    label = QtWidgets.QLabel("wide")
    probe.parent.layout().addWidget(label)
    settle()
    before = probe.parent.width()
    label.setMinimumWidth(700)
    settle()
    assert probe.parent.width() > 700 > before
    label.deleteLater()
    settle()
