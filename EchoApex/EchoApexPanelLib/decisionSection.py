"""What the user says of a number in the results: that it is right, or that it, or a beat, is not to count."""

import slicer
from slicer.i18n import tr as _


class DecisionSection:
    """Confirms the chosen number, and excludes it or the beat that is shown, with a reason that is kept."""

    def __init__(self, panel, results):
        self.panel, self.ui, self.study, self.results = panel, panel.ui, panel.study, results
        self._asked = "number"
        ui = self.ui
        ui.confirmButton.connect("clicked()", self.onConfirm)
        ui.excludeButton.connect("clicked()", lambda: self.onExclude("number"))
        ui.beatButton.connect("clicked()", lambda: self.onExclude("beat"))
        ui.reasonEdit.connect("returnPressed()", lambda: self.exclude(self._asked))

    # What is chosen

    @property
    def item(self):
        """The measurement of the chosen row; None where there is none."""
        row = self.results.row
        return None if row is None else row.item

    @property
    def place(self):
        """The frame that is shown, where its clip is one of the report; else None."""
        from EchoApexLib.sliceView.redSliceSetup import shownBrowser
        from EchoApexLib.study.openedReport import Place

        browser = None if self.study.shown is None else shownBrowser(slicer.mrmlScene)
        clip = None if browser is None else self.study.shown.clipOf(browser)
        return None if clip is None else Place(clip, browser.GetSelectedItemNumber())

    @property
    def beat(self):
        """The beat that is shown, with the reason why it is excluded or None; None where there is none."""
        place = self.place
        return None if place is None else self.study.decisions.beatAt(place)

    # Buttons

    def onConfirm(self):
        self.panel.attempt(self._confirm)

    def _confirm(self):
        decisions, row = self.study.decisions, self.results.row
        if row.status == "confirmed":
            decisions.reopen(row.item)
        else:
            decisions.confirm(row.item)

    def onExclude(self, what):
        """Excludes, or counts again what is excluded; without a reason that is asked for."""
        if self._reasonOf(what) is not None:
            self.panel.attempt(lambda: self._include(what))
        elif self.ui.reasonEdit.text.strip():
            self.exclude(what)
        else:
            self._asked = what
            asked = {"number": _("Say why the number is not to count."), "beat": _("Say why the beat is not to count.")}
            self.panel.say(asked[what])
            self.ui.reasonEdit.setFocus()

    def exclude(self, what):
        """Takes the chosen number or the beat that is shown out, for the reason that was typed."""
        if self.panel.attempt(lambda: self._exclude(what) or True):
            self._asked = "number"
            self.ui.reasonEdit.clear()
            self.ui.measurementTable.setFocus()

    def _exclude(self, what):
        from echoapex.errors import EchoApexError

        reason, decisions = self.ui.reasonEdit.text, self.study.decisions
        if what == "number" and self.item is not None:
            decisions.exclude(self.item, reason)
        elif what == "beat" and self.place is not None:
            decisions.excludeBeat(self.place, reason)
        else:
            raise EchoApexError(_("Choose a number first, or show a clip of the report"))

    def _include(self, what):
        if what == "number":
            self.study.decisions.include(self.item)
        else:
            self.study.decisions.includeBeat(self.place)

    def _reasonOf(self, what):
        """Why the chosen number, or the beat that is shown, is excluded; None where it is not."""
        if what == "beat":
            beat = self.beat
            return None if beat is None else beat[1]
        return None if self.item is None else self.study.decisions.reasonOf(self.item)

    # Showing

    def update(self):
        from echoapex.errors import EchoApexError

        try:
            self._show(self.beat)
        except EchoApexError as refusal:
            self.panel.say(str(refusal))

    def _show(self, beat):
        row, ui = self.results.row, self.ui
        ui.confirmButton.enabled = row is not None and row.status in ("predicted", "confirmed")
        confirmed = row is not None and row.status == "confirmed"
        ui.confirmButton.text = _("Confirm no more (Y)") if confirmed else _("Confirm (Y)")
        ui.excludeButton.enabled = row is not None
        ui.excludeButton.text = _("Exclude (X)") if self._reasonOf("number") is None else _("Include (X)")
        ui.beatButton.enabled = beat is not None
        ui.beatButton.text = _("Exclude beat (H)") if beat is None or beat[1] is None else _("Include beat (H)")
        ui.reasonEdit.enabled = row is not None or beat is not None
        ui.beatLabel.text = "" if beat is None else self._beatText(self.place)
        ui.beatLabel.visible = bool(ui.beatLabel.text)

    def _beatText(self, place):
        """Which beats of the clip that is shown are excluded, and why."""
        excluded = [(beat, reason) for beat, reason in self.study.decisions.beats(place.clip) if reason is not None]
        text = _("Excluded: the beat of frames {ed} to {es} ({reason}).")
        return " ".join(text.format(ed=beat.ed, es=beat.es, reason=reason) for beat, reason in excluded)
