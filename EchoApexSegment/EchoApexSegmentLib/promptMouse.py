"""Prompts given with the mouse in the red view, on the frame that is shown there."""

import slicer

VIEW = "Red"


class ViewInput:
    """The mouse of the red view works for ``panel`` until `close`."""

    def __init__(self, panel):
        from EchoApexLib.sliceView.mouseAndWheel import SliceInput, Wanted

        self.panel = panel
        self.widget = slicer.app.layoutManager().sliceWidget(VIEW)
        view = self.widget.sliceView()
        wanted = Wanted(
            pointed=lambda ras, adds: self._do(lambda clip: clip.click(self._pixel(clip, ras), adds)),
            pointDragged=self.onPointDragged,
            boxed=lambda one, other: self._do(lambda clip: clip.box(self._box(clip, one, other))),
            boxDragged=self.onBoxDragged,
            dropped=self.onDropped,
            stepped=panel.step,
        )
        self.input = SliceInput(view.interactor(), view.mrmlSliceNode(), wanted, view.scheduleRender)

    def setTool(self, tool):
        from EchoApexLib.sliceView.mouseAndWheel import Tool

        self.input.drop()
        self.input.tool = Tool(tool)

    def fit(self):
        """The cine fills the view."""
        self.widget.fitSliceToBackground()

    def setAdds(self, adds):
        self.input.adds = adds

    def close(self):
        self.input.close()

    def _do(self, action):
        self.panel.attempt(lambda: action(self.panel.bench.current))

    def onPointDragged(self, ras, adds):
        from echoapex.prompts import PointPrompt, Prompt

        point = lambda clip: Prompt(points=(PointPrompt(*self._pixel(clip, ras), adds),))  # noqa: E731
        self._do(lambda clip: clip.preview(point(clip)))

    def onBoxDragged(self, one, other):
        from echoapex.prompts import Prompt

        self._do(lambda clip: clip.preview(Prompt(box=self._box(clip, one, other))))

    def onDropped(self):
        if self.panel.bench.clip is not None:
            self.panel.bench.clip.endPreview()

    @staticmethod
    def _pixel(clip, ras):
        """The pixel under the mouse."""
        return clip.scene.pixelOf(ras)

    @staticmethod
    def _box(clip, one, other):
        """The box between two corners, as far as it lies in the frame."""
        (ax, ay), (bx, by) = clip.scene.pixelOf(one), clip.scene.pixelOf(other)
        right, bottom = clip.cine.columns - 1, clip.cine.rows - 1
        xs = sorted(min(max(x, 0.0), right) for x in (ax, bx))
        ys = sorted(min(max(y, 0.0), bottom) for y in (ay, by))
        return xs[0], ys[0], xs[1], ys[1]
