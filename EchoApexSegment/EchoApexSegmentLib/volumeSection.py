"""Section "Volume": the curve in the plot view and its numbers, each with the frames it comes from."""

from slicer.i18n import tr as _

from EchoApexPanelLib.plotView import hideChart, showChart


class VolumeSection:
    """Volumes and EF, and where ED and ES are."""

    def __init__(self, panel):
        self.panel, self.ui = panel, panel.ui
        self._chartId = None
        self.ui.edButton.connect("clicked()", lambda: self._do(lambda clip: clip.setPhase(ed=True)))
        self.ui.esButton.connect("clicked()", lambda: self._do(lambda clip: clip.setPhase(ed=False)))
        self.ui.foundButton.connect("clicked()", lambda: self._do(lambda clip: clip.findPhases()))

    def _do(self, action):
        self.panel.attempt(lambda: action(self.panel.bench.current))

    def update(self):
        clip = self.panel.bench.clip
        for button in (self.ui.edButton, self.ui.esButton, self.ui.foundButton):
            button.enabled = clip is not None
        nothing = _("Volumes are measured from outlines of the left ventricle.")
        shown = nothing if clip is None else numbersText(clip, self.panel.bench.card.simulated_only)
        self.ui.numbersLabel.text = shown
        self._showCurve(clip)

    def _showCurve(self, clip):
        """The curve of the cine that is shown; never that of another one."""
        if clip is None:
            return
        if clip.curve.chart is not None:
            self._chartId = clip.curve.chart.GetID()
            showChart(clip.curve.chart)
        elif self._chartId is not None:
            hideChart(self._chartId)


def numbersText(clip, demonstration):
    """The measurements as rich text; why there are none, where there are none."""
    lines = [] if clip.cine.scale.known else [_("Without a scale there are no milliliters.")]
    if clip.curve.reason:
        lines.append(clip.curve.reason)
    measured = clip.curve.measurements
    if not measured:
        return "<br>".join(lines)
    notes = [_("Simulated heart.")] if clip.cine.simulated else []
    if len(clip.curve.beats) > 1:
        notes.append(_("Volumes: mean of {count} beats.").format(count=len(clip.curve.beats)))
    notes += [_("Outlined with a demonstration model, trained on simulated hearts.")] if demonstration else []
    return "<br>".join(lines) + numbersTable(measured) + f"<small>{' '.join(notes)}</small>"


def numbersTable(measured):
    """One row for each quantity and its frames; methods that give several quantities have a column of their own."""
    from echoapex.report import display_names

    used = [display_names.short_method(item.method) for item in measured]
    methods = [method for method in dict.fromkeys(used) if used.count(method) > 1]
    rows = {}
    for item, method in zip(measured, used):
        values = rows.setdefault((item.name, framesOf(item)), {})
        values[method] = display_names.with_unit(item.value, item.unit)
    heads = [_cell(f"<small>{head}</small>") for head in ("", *(methods or [""]), _("frames"))]
    lines = ["".join(heads)] + [_rowOf(name, frames, values, methods) for (name, frames), values in rows.items()]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def _rowOf(name, frames, values, methods):
    """The cells of one quantity; where a method has no column, all values stand in one cell, with their methods."""
    placed = [_cell(values.get(method, "")) for method in methods]
    if not methods or not set(values) <= set(methods):
        told = ", ".join(f"{value} <small>({method})</small>" for method, value in values.items())
        placed = [_cell(told, max(len(methods), 1))]
    return "".join([_cell(f"<b>{name}</b>"), *placed, _cell(f"<small>{frames}</small>")])


def _cell(text, columns=1):
    return f'<td colspan="{columns}" style="padding-right: 8px">{text}</td>'


def framesOf(item):
    """The frames that a measurement comes from."""
    frames = sorted({frame for source in item.sources for frame in source.frames})
    return ", ".join(map(str, frames))


def measurementText(item, simulated):
    """One measurement: name, value, method, frames."""
    from echoapex.report import display_names

    where = _("frames {frames}").format(frames=framesOf(item)) if framesOf(item) else ""
    how = ", ".join(filter(None, (display_names.short_method(item.method), where, _("simulated") if simulated else "")))
    value = display_names.with_unit(item.value, item.unit)
    return f"<b>{item.name}</b> {value} <small>({how})</small>"
