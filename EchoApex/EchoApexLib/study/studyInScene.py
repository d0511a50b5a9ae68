"""A study as a Slicer scene: into the nodes of a scene and back, and to ``.mrb`` files and back.

One browser for each clip steps its cine with the masks and landmarks. Clips are called by their view, never by their
identifier. What the nodes cannot hold is in text nodes (`clipRecords`), which the browsers refer to.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from echoapex.cine import BoolMask
from echoapex.console import plain
from echoapex.errors import EchoApexError, ReadError
from echoapex.io.safe_files import copy_atomically

from ..cine.cineFromBrowser import cineOf
from ..cine.echoViewLabel import viewOf
from ..measurements.tablesAndPlots import addCurvePlot, addMeasurementTable
from ..nodes.coordinates import ijkToRas
from ..record.clipRecords import clipRecord, curveOfRecord, measurementOfRecord, segmentationsOf
from ..record.recordSaving import CLIP, RECORD, STUDY, addRecord, recordOf
from ..record.recordShapes import SCHEMA
from ..record.studyContents import SceneClip, SceneStudy, renamed, sceneNames
from ..sequences.cineSequence import (
    Steps,
    addBrowser,
    addToBrowser,
    cineSequenceSteps,
    finished,
    sequencesWith,
    spacingOfSequence,
)
from ..sequences.colorSequence import addColors, colorSequenceSteps
from ..sequences.landmarkSequence import addLandmarkSequence, landmarksOfSequence
from ..sequences.segmentationSequence import masksOfSequence, segmentationSequenceSteps, showSegmentation
from ..session.sessionPrompts import PROMPTS
from ..sliceView.redSliceSetup import showClip
from .sceneArchive import unpackScene

ACTIVE_FIRST = ("A4C", "A2C", "PLAX", "A3C", "A5C", "PSAX_PM", "PSAX_MV", "SC4C")
"""The first of these views that is there is shown when a scene opens (own choice: those that are measured first)."""

STUDY_CHART = "EchoApex.StudyChart"
"""Role under which a browser refers to the chart of the curve that an analysis has found."""

_LOGICS = (
    "vtkSlicerVolumesLogic",
    "vtkSlicerSegmentationsModuleLogic",
    "vtkSlicerMarkupsLogic",
    "vtkSlicerSequencesLogic",
    "vtkSlicerTablesLogic",
    "vtkSlicerPlotsLogic",
)


@contextmanager
def newScene() -> Iterator[Any]:
    """An empty ``vtkMRMLScene`` that reads, writes and browses like Slicer's own, apart from it; closed at the end."""
    import slicer

    with tempfile.TemporaryDirectory(prefix="echoapex-scene-") as folder:
        scene = slicer.vtkMRMLScene()
        # Logics live as long as something holds them.
        logics = (*_fileLogics(scene, folder), *_moduleLogics(scene))
        try:
            yield scene
        finally:
            scene.Clear(True)
            del logics


def _fileLogics(scene: Any, folder: str) -> tuple[Any, ...]:
    """Without these a scene cannot read an ``.mrb``: it does not know where to unpack it."""
    import slicer

    cache, files, logic = slicer.vtkCacheManager(), slicer.vtkDataIOManager(), slicer.vtkDataIOManagerLogic()
    cache.SetRemoteCacheDirectory(folder)
    cache.SetMRMLScene(scene)
    files.SetCacheManager(cache)
    scene.SetCacheManager(cache)
    scene.SetDataIOManager(files)
    logic.SetMRMLScene(scene)
    logic.SetAndObserveDataIOManager(files)
    return cache, files, logic


def _moduleLogics(scene: Any) -> Iterator[Any]:
    """Each registers the nodes of its module."""
    import slicer

    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    yield application
    application.GetColorLogic().SetMRMLScene(scene)
    application.GetColorLogic().AddDefaultColorNodes()
    for name in _LOGICS:
        logic = getattr(slicer, name)()
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
        application.SetModuleLogic(name, logic)
        yield logic
    _dropRepeatedRules()


def _dropRepeatedRules() -> None:
    """Leaves one conversion rule of each kind: every logic of segmentations adds all of them to one list for good.

    Each segmentation copies that list: after 350 scenes a new one took 2.5 ms in place of 0.02 (measured).
    """
    import slicer

    factory = slicer.vtkSegmentationConverterFactory.GetInstance()
    known = set()
    for rule in factory.GetConverterRules():
        if rule.GetClassName() in known:
            factory.UnregisterConverterRule(rule)
        known.add(rule.GetClassName())


def addStudy(scene: Any, study: SceneStudy) -> list[Any]:
    """Adds the clips and measurements of ``study`` to ``scene``; gives the browsers, in the order of the clips.

    The clip that is best to begin with is shown. Raises `EchoApexError` when there is no clip, or when masks or
    landmarks do not fit their cine.
    """
    if not study.clips:
        raise EchoApexError("A scene needs at least one clip")
    names = sceneNames(study.clips)
    browsers = [addClip(scene, clip, names[clip.id]) for clip in study.clips]
    measurements = [renamed(item, names) for item in study.measurements]
    simulated = any(clip.cine.simulated for clip in study.clips)
    if measurements:
        addMeasurementTable(scene, f"Measurements{' (simulated)' if simulated else ''}", measurements)
    record = {"schema": SCHEMA, "note": study.note, "measurements": measurements}
    addRecord(scene, "EchoApex record", STUDY, dict(plain(record)))
    showClip(scene, browsers, _best(study.clips))
    return browsers


def addClip(scene: Any, clip: SceneClip, name: str) -> Any:
    """Adds a clip to ``scene`` under this name, without showing it; gives its browser. Raises as `addStudy`."""
    return finished(addClipSteps(scene, clip, name))


def addClipSteps(scene: Any, clip: SceneClip, name: str) -> Steps:
    """As `addClip`, frame by frame; nothing of it is in ``scene`` before all frames are there."""
    cine, curve = clip.cine, clip.curve
    masks = {structure: found.masks for structure, found in clip.segmentations.items()}
    record = clipRecord(clip)
    yield
    sequence = yield from cineSequenceSteps(f"{name} cine", cine)
    colors = yield from colorSequenceSteps(f"{name} colors", cine)
    drawn = None
    if masks:
        drawn = yield from segmentationSequenceSteps(f"{name} structures", cine, masks)
    browser = addBrowser(scene, name, scene.AddNode(sequence), cine)
    if colors is not None:
        addColors(browser, scene.AddNode(colors))
    if drawn is not None:
        showSegmentation(addToBrowser(browser, scene.AddNode(drawn)), browser.GetProxyNode(sequence))
    if clip.landmarks is not None:
        addToBrowser(browser, addLandmarkSequence(scene, f"{name} landmarks", cine, clip.landmarks))
    if curve is not None:
        chart = addCurvePlot(scene, name, cine.times, curve)
        browser.SetNodeReferenceID(STUDY_CHART, chart.GetID())
        browser.SetSelectedItemNumber(curve.beats[0].ed if curve.beats else 0)
    browser.SetNodeReferenceID(RECORD, addRecord(scene, f"{name} record", CLIP, record).GetID())
    return browser


def _best(clips: tuple[SceneClip, ...]) -> int:
    def rank(index: int) -> tuple[int, bool]:
        view, curve = clips[index].view, clips[index].curve
        place = ACTIVE_FIRST.index(view) if view in ACTIVE_FIRST else len(ACTIVE_FIRST)
        return place, curve is None or not curve.beats

    return min(range(len(clips)), key=rank)


def readStudy(scene: Any) -> SceneStudy:
    """The study that `addStudy` put into ``scene``, with what was edited since; clips are called as in the scene.

    Paths, warnings and identifiers of the clips are not in a scene. Raises `EchoApexError` when nothing of EchoApex is,
    and `ReadError` for a record that is damaged or of a later schema.
    """
    browsers = [item for item in _nodes(scene, "vtkMRMLSequenceBrowserNode") if item.GetNodeReference(RECORD)]
    if not browsers:
        raise EchoApexError("There is no clip of EchoApex in this scene")
    texts = [node for node in _nodes(scene, "vtkMRMLTextNode") if node.GetAttribute(RECORD) == STUDY]
    records = [recordOf(node, STUDY) for node in texts]
    measurements = (measurementOfRecord(item) for record in records for item in record["measurements"])
    note = "\n".join(record["note"] for record in records)
    return SceneStudy(tuple(_readClip(browser) for browser in browsers), tuple(measurements), note)


def _nodes(scene: Any, name: str) -> list[Any]:
    return [scene.GetNthNodeByClass(index, name) for index in range(scene.GetNumberOfNodesByClass(name))]


def _readClip(browser: Any) -> SceneClip:
    record, cine = recordOf(browser.GetNodeReference(RECORD)), cineOf(browser)
    spacing = spacingOfSequence(browser.GetMasterSequenceNode())
    masks: dict[str, BoolMask] = {}
    for drawn in sequencesWith(browser, "vtkMRMLSegmentationNode"):
        masks |= masksOfSequence(drawn, (cine.rows, cine.columns))
    lists = sequencesWith(browser, "vtkMRMLMarkupsFiducialNode")
    points = [item for item in lists if item.GetAttribute(PROMPTS) is None]
    return SceneClip(
        id=browser.GetName(),
        cine=cine,
        view=viewOf(browser),
        segmentations=segmentationsOf(masks, record["confidence"]),
        curve=curveOfRecord(record["curve"], cine.frame_count),
        landmarks=landmarksOfSequence(points[0], ijkToRas(spacing)) if points else None,
    )


def writeScene(path: str | Path, study: SceneStudy) -> Path:
    """Writes ``study`` as an ``.mrb`` at ``path`` and gives the path back; what was there is replaced once all is done.

    Raises `EchoApexError` for another ending, where that is not possible, or as `addStudy` does.
    """
    target = Path(path)
    if target.suffix.lower() != ".mrb":
        raise EchoApexError("A scene is written to a file that ends in .mrb", value=target.name)
    with newScene() as scene, tempfile.TemporaryDirectory(prefix="echoapex-mrb-") as folder:
        addStudy(scene, study)
        # The name is kept inside the file as well: there it is always the same.
        packed = Path(folder) / "scene.mrb"
        with chdir("."):
            done = scene.WriteToMRB(str(packed), None)
        if not done:
            raise EchoApexError("Slicer could not write the scene", file=target)
        _replace(packed, target)
    return target


def _replace(packed: Path, target: Path) -> None:
    try:
        copy_atomically(packed, target)
    except OSError as error:
        raise EchoApexError("The scene cannot be written here", value=error.strerror, file=target) from None


def readScene(path: str | Path) -> SceneStudy:
    """The study in an ``.mrb`` written by `writeScene`, or saved in Slicer since; no open scene is touched.

    Raises `ReadError` when the file is missing or no scene or would do harm (`unpackScene`), and `EchoApexError` when
    nothing of EchoApex is in it.
    """
    import slicer

    source = Path(path)
    if not source.is_file():
        raise ReadError("There is no such file", file=source)
    with newScene() as scene, tempfile.TemporaryDirectory(prefix="echoapex-mrb-") as folder:
        messages = slicer.vtkMRMLMessageCollection()
        scene.SetURL(str(unpackScene(source, Path(folder).resolve())))
        if not scene.Import(messages):
            raise ReadError("Slicer could not read this scene", value=messages.GetAllMessagesAsString(), file=source)
        return readStudy(scene)
