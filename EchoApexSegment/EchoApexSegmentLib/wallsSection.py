"""Section "Walls": IVSd, LVIDd, LVPWd and LVIDs one after the other, suggested and then moved by hand."""

import qt
from slicer.i18n import tr as _

from EchoApexPanelLib.tables import setTightRows

from .volumeSection import measurementText

TICK = "✓"
WALL_VIEW = "PLAX"


class WallsSection:
    """The steps of the protocol with their values."""

    def __init__(self, panel):
        self.panel, self.ui = panel, panel.ui
        self.seen = (None, "")
        ui = self.ui
        ui.suggestButton.connect("clicked()", lambda: self._do(lambda clip: clip.suggestWalls()))
        ui.placeButton.connect("clicked()", lambda: self._do(self.startPlacing))
        ui.confirmButton.connect("clicked()", lambda: self._do(self.confirm))
        ui.wallUndoButton.connect("clicked()", lambda: self._do(lambda clip: clip.walls.undo()))
        ui.wallTable.connect("cellClicked(int,int)", self.onStep)
        setTightRows(ui.wallTable)
        header = ui.wallTable.horizontalHeader()
        header.setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        header.setStretchLastSection(True)

    def _do(self, action):
        self.panel.attempt(lambda: action(self.panel.bench.current))

    def startPlacing(self, clip):
        """Clicks place wall points from now on, and are no prompts."""
        self.panel.setTool("none")
        clip.placeWalls()

    def confirm(self, clip):
        """Ticks the step that is next, and goes on to the one after it."""
        name = clip.walls.next
        if name is None:
            self.panel.say(_("All steps are confirmed."))
            return
        clip.walls.confirm(name)
        if clip.walls.next is not None:
            clip.walls.jump(clip.walls.next)

    def onStep(self, row, column):
        self._do(lambda clip: clip.walls.jump(clip.walls.steps[row].name))

    def update(self):
        clip, ui = self.panel.bench.clip, self.ui
        self._openForWalls(clip)
        for button in (ui.suggestButton, ui.placeButton, ui.confirmButton, ui.wallUndoButton, ui.wallTable):
            button.enabled = clip is not None
        steps = [] if clip is None else clip.walls.steps
        ui.wallTable.setRowCount(len(steps))
        for row, step in enumerate(steps):
            for column, text in enumerate(stepTexts(step)):
                self._cell(row, column, text)
        nothing = _("Walls are measured in a parasternal long-axis view.")
        ui.massLabel.text = nothing if clip is None else wallsText(clip, self.panel.bench.card.simulated_only)

    def _openForWalls(self, clip):
        """Opens the section when a cine turns out to be a PLAX; closing it again is the user's."""
        seen = (None, "") if clip is None else (clip, clip.view)
        if seen != self.seen and seen[1] == WALL_VIEW:
            self.ui.wallsSection.collapsed = False
        self.seen = seen

    def _cell(self, row, column, text):
        cellItem = self.ui.wallTable.item(row, column)
        if cellItem is None:
            self.ui.wallTable.setItem(row, column, qt.QTableWidgetItem(text))
        else:
            cellItem.setText(text)


def stepTexts(step):
    """Tick and name, value, frame and status of a step."""
    done = str(step.status) == "confirmed"
    value = "" if step.value is None else f"{step.value:.1f} {step.unit}"
    frame = "" if step.frame is None else str(step.frame)
    return (f"{TICK} {step.name}" if done else step.name, value, frame, str(step.status))


def pointTitle(name):
    """A point of the walls in words."""
    return {
        "IVS-RV": _("the septum's border to the right ventricle"),
        "IVS-LV": _("the septum's border to the left ventricle"),
        "PW-LV": _("the posterior wall's border to the left ventricle"),
        "PW-epi": _("the outer border of the posterior wall"),
    }[name]


def wallsText(clip, demonstration):
    """What follows from the walls: FS, LV mass, RWT; and whose points they are that nobody has moved."""
    names = {step.name for step in clip.walls.steps}
    lines = [clip.walls.reason] if clip.walls.reason else []
    if clip.walls.placing is not None:
        hint = _("Click {what} ({name}) in frame {frame}.")
        lines.append(hint.format(what=pointTitle(clip.walls.placing), name=clip.walls.placing, frame=clip.frame))
    lines += [measurementText(item, clip.cine.simulated) for item in clip.walls.measurements if item.name not in names]
    waiting = [step.name for step in clip.walls.steps if step.value is not None and str(step.status) != "confirmed"]
    if waiting:
        lines.append(_("Preliminary: {steps} not confirmed yet.").format(steps=", ".join(waiting)))
    # Also when all steps are confirmed: whoever confirms a point has not made it better.
    if demonstration and clip.walls.suggested:
        note = _("Points not moved by hand are those of a demonstration model, trained on simulated hearts.")
        lines.append(f"<small>{note}</small>")
    return "<br>".join(lines)
