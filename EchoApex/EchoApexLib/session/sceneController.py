"""What a panel does with the cines of a scene: opens them, keeps the inference process, and turns to one of them.

No Qt: whoever drives it calls `SceneController.tick` every few milliseconds from the main thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from echoapex.analysis.view_structures import WALL_VIEW
from echoapex.errors import EchoApexError, ModelError
from echoapex.models.model_card import ModelCard, read_card
from echoapex.serving import InferenceProcess, ProcessState
from echoapex.serving.restarting_client import serve_command
from echoapex.session.state import SessionState

from ..cine.cineFromBrowser import cineOf
from ..cine.clipOpening import ClipOpening
from ..cine.clipReaders import prepareReader
from ..cine.scaleByHand import SCALE_CHANGES
from ..nodes.observers import Observers
from ..pythonDependencies import missingModules, pythonExecutable
from ..sliceView.redSliceSetup import clipBrowsers, showBrowser, showClip
from ..userSettings import UserSettings
from .cineController import CineController
from .cineFiles import CineFiles, Then
from .sessionSaveAndRestore import restoreState
from .startFromAnalysis import analyzedPhases, takeAnalyzed

Said = Callable[[str], None]


class SceneController:
    """The work on the cines of one scene, one of them at a time.

    ``changed`` is told that something on screen is out of date, ``said`` gets a sentence for the user. ``settings``
    gives what the user has set, looked at at each tick: ``settingsChanged`` says that the process runs with others, and
    that `begin` would start it with these. ``startProcess`` makes the inference process from the
    folder of the model and from where news go.
    """

    def __init__(
        self,
        scene: Any,
        changed: Callable[[], None],
        said: Said,
        *,
        settings: Callable[[], UserSettings] = UserSettings,
        startProcess: Callable[[Path, Said], InferenceProcess] | None = None,
    ) -> None:
        self._scene, self._changed, self._said, self._settings = scene, changed, said, settings
        self._startProcess = startProcess or self._inferenceProcess
        self._clips: dict[str, CineController] = {}
        self._model: tuple[Path, ModelCard] | None = None
        self._used = UserSettings()
        self._unopened: Any = None
        self.settingsChanged = False
        self._seen: object = None
        self._observers = Observers(said)
        self._files = CineFiles(scene, said)
        self.process: InferenceProcess | None = None
        self.clip: CineController | None = None

    @property
    def card(self) -> ModelCard:
        """The card of the model that is used. Raises `ModelError` for one that is missing or damaged."""
        return self._chosenModel()[1]

    def _chosenModel(self) -> tuple[Path, ModelCard]:
        """Folder and card of one and the same model, until `close`."""
        if self._model is None:
            self._used = self._settings()
            folder = self._used.modelFolder()
            self._model = folder, read_card(folder)
        return self._model

    def _lookAtSettings(self) -> None:
        """The rater of the settings counts from now on; the rest does once the model is started anew."""
        now = self._settings()
        for clip in self._clips.values():
            clip.state.rater = now.rater
        self.settingsChanged = self.process is not None and now != replace(self._used, rater=now.rater)

    @property
    def missing(self) -> tuple[str, ...]:
        """Modules that have to be installed before the model can run."""
        return missingModules()

    @property
    def current(self) -> CineController:
        """The cine that is worked on. Raises `EchoApexError` where none is open."""
        if self.clip is None:
            raise EchoApexError("Open a cine first")
        return self.clip

    @property
    def opening(self) -> ClipOpening | None:
        """The cine that is on its way from its file into the scene, if there is one."""
        return self._files.opening

    def prepareOpening(self) -> None:
        """A file will be chosen: what reads it starts meanwhile. Raises `EchoApexError` where it cannot."""
        prepareReader()

    def openFile(self, path: str | Path, then: Then | None = None) -> None:
        """Reads a cine into the scene, behind those that are on their way there.

        As soon as it is there, at a `tick`, ``then`` is called with its browser; without it, it is turned to. Raises
        `EchoApexError` where reading cannot begin.
        """
        self._files.add(path, then or self.openBrowser)
        self._changed()

    def cancel(self) -> None:
        """Opens no file any more; where none was on its way, ends what goes through the cine that is worked on."""
        if self._files.cancel():
            self._said("The cine was not opened.")
            self._changed()
        else:
            self.current.cancel()

    def _goOnOpening(self) -> None:
        try:
            if self._files.poll():
                self._changed()
        except EchoApexError as refusal:
            self._said(str(refusal))
            self._changed()

    def openBrowser(self, browser: Any) -> None:
        """Turns to the cine of a browser of the scene, going on with the session that is saved with it.

        Raises `EchoApexError` for one that holds no cine, and for a session that cannot be read. Where there is no such
        model as was chosen, the cine is shown all the same.
        """
        self._dropClosed()
        self._unopened = None
        try:
            clip = self._clips.get(browser.GetID()) or self._enter(browser)
        except ModelError:
            self._unopened = browser
            if browser in clipBrowsers(self._scene):
                showBrowser(self._scene, browser)
            raise
        if clip is self.clip:
            return
        if self.clip is not None:
            self.clip.leave()
        self._clips[browser.GetID()] = self.clip = clip
        browsers = [one.browser for one in self._clips.values()]
        showClip(self._scene, browsers, browsers.index(browser), keepLayout=True)
        # Points are drawn on some frames only.
        clip.walls.draw()
        if self.process is not None:
            self.process.open(clip.cine, clip.frame)
        elif not self.missing:
            self.start()
        self._changed()

    def _enter(self, browser: Any) -> CineController:
        rater = self._settings().rater
        saved = restoreState(browser, self.card, rater)
        state = saved or SessionState(self.card, cineOf(browser), rater=rater)
        phases = None
        if saved is None:
            # Both before anything is made in the scene: a damaged record is refused as a whole.
            phases = analyzedPhases(browser, state.cine.frame_count)
            takeAnalyzed(browser, state)
        said, changed = self._said, self._changed
        clip = CineController(
            self._scene, browser, state.cine, state, running=self._running, changed=changed, said=said
        )
        # What is drawn has the scale of before: it is made anew with the new one.
        self._observers.add(browser, SCALE_CHANGES, clip.close)
        if phases is not None and clip.view == WALL_VIEW:
            clip.walls.setPhases(*phases)
        return clip

    @property
    def stopped(self) -> bool:
        """Whether a cine is open that the model does not work for; `begin` starts it."""
        broken = self.process is None or self.process.state is ProcessState.BROKEN
        return self._unopened is not None or (self.clip is not None and broken)

    def begin(self) -> Any:
        """Starts the model, also again, as the settings are by now.

        Gives a browser where its cine has to be turned to for that: what was known of the model of before does not
        hold. Raises `EchoApexError` where it cannot be started.
        """
        if self._unopened is None and (self.clip is None or not self.settingsChanged):
            self.start()
            return None
        browser = self._unopened or self.current.browser
        self.close()
        return browser

    def start(self) -> None:
        """Starts the inference process, also again. Raises `EchoApexError` where that is not possible."""
        missing = self.missing
        if missing:
            raise EchoApexError("Libraries of the model are not installed", value=", ".join(missing))
        if self.process is None:
            self.process = self._startProcess(self._chosenModel()[0], self._said)
        if self.clip is not None:
            self.process.open(self.clip.cine, self.clip.frame)
        self.process.start()
        self._changed()

    def _running(self) -> InferenceProcess:
        if self.process is None:
            self.start()
        assert self.process is not None
        return self.process

    def tick(self) -> None:
        """Takes what the process has answered and brings numbers up to date. Never waits for the process."""
        self._goOnOpening()
        self._dropClosed()
        self._lookAtSettings()
        for clip in self._clips.values():
            clip.walls.tidy()
        if self.process is not None:
            self.process.poll()
        if self.clip is not None and self.process is not None and self.process.ready:
            self.clip.recognizeView()
        if self.clip is not None and self.clip.measure():
            self._changed()
        placing = None if self.clip is None else self.clip.walls.placing
        process = None if self.process is None else (self.process.state, len(self.process.told.encoded))
        seen = self.settingsChanged, placing, process
        if seen != self._seen:
            self._seen = seen
            self._changed()

    def frameChanged(self) -> None:
        """The browser shows another frame: it is marked in the curve, and encoding goes on around it."""
        if self.clip is not None and not self.clip.closed:
            if self.process is not None:
                self.process.show(self.clip.frame)
            self.clip.curve.setFrame(self.clip.frame)
            self._changed()

    def _dropClosed(self) -> None:
        if self._unopened is not None and self._unopened.GetScene() is None:
            self._unopened = None
        for identifier, clip in list(self._clips.items()):
            if clip.closed:
                self._drop(identifier)

    def _drop(self, identifier: str) -> None:
        clip = self._clips.pop(identifier)
        clip.close()
        if clip is self.clip:
            self.clip = None
            self._changed()

    def close(self) -> None:
        """Ends everything, the process too: the scene is about to be closed, or the panel."""
        self._files.cancel()
        self._observers.clear()
        for identifier in list(self._clips):
            self._drop(identifier)
        if self.process is not None:
            self.process.close()
        self.process = self._model = self._unopened = None
        self.settingsChanged = False
        self._changed()

    def _inferenceProcess(self, model: Path, said: Said) -> InferenceProcess:
        settings = self._settings()
        settings.check()
        self._used = replace(settings, model=self._used.model)
        command = serve_command(model, settings.device, pythonExecutable())
        return InferenceProcess(command, environment=settings.environment(), news=said)
