"""Section "Volume": the curve in the plot view and its numbers, each with the frames it comes from."""

from slicer.i18n import tr as _

from .plotView import showChart


class NumbersPart:
    """Volumes and EF, and where ED and ES are."""

    def __init__(self, panel):
        self.panel, self.ui = panel, panel.ui
        self.ui.edButton.connect("clicked()", lambda: self._do(lambda clip: clip.setPhase(ed=True)))
        self.ui.esButton.connect("clicked()", lambda: self._do(lambda clip: clip.setPhase(ed=False)))
        self.ui.foundButton.connect("clicked()", lambda: self._do(lambda clip: clip.findPhases()))

    def _do(self, action):
        self.panel.attempt(lambda: action(self.panel.bench.current))

    def update(self):
        clip = self.panel.bench.clip
        for button in (self.ui.edButton, self.ui.esButton, self.ui.foundButton):
            button.enabled = clip is not None
        self.ui.numbersLabel.text = "" if clip is None else numbersText(clip)
        if clip is not None and clip.curve.chart is not None:
            showChart(clip.curve.chart)


def numbersText(clip):
    """The measurements as lines of rich text; why there are none, where there are none."""
    lines = [] if clip.cine.scale.known else [_("Without a scale there are no milliliters.")]
    if clip.curve.reason:
        lines.append(clip.curve.reason)
    lines += [measurementText(item, clip.cine.simulated) for item in clip.curve.measurements]
    return "<br>".join(lines)


def measurementText(item, simulated):
    """One measurement: name, value, method, frames."""
    from echoapex.report import words

    frames = sorted({frame for source in item.sources for frame in source.frames})
    where = _("frames {frames}").format(frames=", ".join(map(str, frames))) if frames else ""
    how = ", ".join(filter(None, (words.short_method(item.method), where, _("simulated") if simulated else "")))
    value = words.with_unit(item.value, item.unit)
    return f"<b>{item.name}</b> {value} <small>({how})</small>"
