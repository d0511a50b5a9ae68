"""Section "Review": how far each frame of the chosen structure has come, and what is to be looked at next."""

from slicer.i18n import tr as _

from .reviewStrip import ReviewStrip

ACTIONS = {
    "acceptButton": "accept",
    "acceptAllButton": "acceptAll",
    "flagButton": "flag",
    "reopenButton": "reopen",
    "clearButton": "clear",
    "nextButton": "nextToReview",
}


class ReviewSection:
    """The strip over the frames and what can be said of the one that is shown."""

    def __init__(self, panel):
        self.panel, self.ui = panel, panel.ui
        self.strip = ReviewStrip(self.onFrame)
        self.ui.stripPlace.layout().addWidget(self.strip)
        for button, action in ACTIONS.items():
            getattr(self.ui, button).connect("clicked()", lambda action=action: self.onAction(action))

    def onFrame(self, frame):
        self.panel.attempt(lambda: self.panel.bench.current.show(frame))

    def onAction(self, action):
        self.panel.attempt(getattr(self.panel.bench.current, action) if self.panel.bench.clip else self.onNothing)

    def onNothing(self):
        return self.panel.bench.current

    def update(self):
        clip = self.panel.bench.clip
        for button in ACTIONS:
            getattr(self.ui, button).enabled = clip is not None
        if clip is None:
            # Two lines, as with a cine: what is below must not move.
            self.ui.frameLabel.text = _("No frame is shown.") + "\n"
            self.strip.showEntries((), 0, ())
            return
        entries = [clip.state.entry(frame, clip.structure) for frame in range(clip.cine.frame_count)]
        self.strip.showEntries(entries, clip.frame, clip.state.needs_review(clip.structure))
        self.ui.frameLabel.text = frameText(clip)


def frameText(clip):
    """The frame that is shown in words, always two lines: what is below must not move."""
    from EchoApexLib.sequences.segmentationSequence import titleOf

    seconds, entry = clip.cine.times.seconds, clip.entry
    when = "" if seconds is None else _(", {time:.3f} s").format(time=float(seconds[clip.frame]))
    sure = "" if entry.confidence is None else _(", confidence {value:.2f}").format(value=entry.confidence)
    waiting = len(clip.state.needs_review(clip.structure))
    text = _("Frame {frame} of 0 to {last}{when}; {waiting} to review\n{structure}: {status}{sure}")
    return text.format(
        frame=clip.frame,
        last=clip.cine.frame_count - 1,
        when=when,
        structure=titleOf(clip.structure),
        status=entry.status,
        sure=sure,
        waiting=waiting,
    )
