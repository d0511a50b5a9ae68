"""Small clips of noise with exact truth for the tests of scenes: what is put in can be compared with what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from echoapex.cine import Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from echoapex.inference.segmentation import Segmentation
from echoapex.landmarks import WALL_LANDMARKS, Landmarks
from echoapex.measure.measurement import Beat, Measurement, Reference, Source
from EchoApexLib.record.studyContents import Curve, SceneClip, SceneStudy
from EchoApexLib.sequences.cineSequence import sequencesWith
from EchoApexLib.study.studyInScene import newScene

FRAMES, ROWS, COLUMNS = 8, 60, 80

NO_SCALE = Scale.none("the header has no region")
NO_TIMES = FrameTimes.unknown("the header has no frame rate")


def uneven_times(frames: int = FRAMES) -> FrameTimes:
    """Intervals that no frame rate gives back, with all digits of a double."""
    steps = np.random.default_rng(5).uniform(0.011, 0.05, frames - 1)
    return FrameTimes(np.concatenate([[0.0], np.cumsum(steps)]), TimeSource.FRAME_TIME_VECTOR)


def make_cine(
    *, frames: int = FRAMES, scale: Scale | None = None, times: FrameTimes | None = None, seed: int = 1, **facts: Any
) -> Cine:
    y, x = np.mgrid[:ROWS, :COLUMNS]
    sector = Sector.from_mask((np.abs(x - 40.3) < y) & (y < 57), "motion")
    return Cine(
        frames=np.random.default_rng(seed).integers(0, 256, (frames, ROWS, COLUMNS), np.uint8),
        times=times or uneven_times(frames),
        scale=scale or Scale((0.27182818284, 0.31415926535), ScaleSource.DICOM_REGION),
        sector=sector,
        modality="US",
        **({"heart_rate": 61.5, "r_wave_times": (0.01, 0.2), "simulated": True} | facts),
    )


def make_masks(frames: int = FRAMES) -> dict[str, Segmentation]:
    """LV and LA apart from each other, a prompted mask across both; LA is not in frame 3, nothing in frame 5."""
    random = np.random.default_rng(2)
    lv, la, prompted = random.random((3, frames, ROWS, COLUMNS)) > 0.8
    la &= ~lv
    if frames > 5:
        la[3] = lv[5] = la[5] = prompted[5] = False
    found = {"PROMPTED": prompted, "LA": la, "LV": lv}
    return {name: Segmentation(masks, random.random(frames, np.float32)) for name, masks in found.items()}


def make_landmarks(frames: int = FRAMES) -> Landmarks:
    """One landmark is not known in frame 2, none is in frame 5."""
    random = np.random.default_rng(3)
    points, sigma = random.random((frames, 4, 2)) * (COLUMNS, ROWS), random.random((frames, 4))
    if frames > 5:
        points[2, 1], points[5], sigma[5] = np.nan, np.nan, np.nan
    return Landmarks(WALL_LANDMARKS, points, sigma)


def make_curve(frames: int = FRAMES, *, scaled: bool = True) -> Curve:
    values = np.random.default_rng(4).uniform(900, 2100, frames)
    if frames > 4:
        values[4] = np.nan
    beats = (Beat(1, 3, 6), Beat(6, 7)) if frames > 7 else ()
    name, unit = ("LV volume", "mL") if scaled else ("LV area", "px")
    return Curve(name, unit, values / 17.3 if scaled else values, beats)


def make_clip(name: str = "a", view: str = "A4C", *, landmarks: bool = True, **facts: Any) -> SceneClip:
    cine = make_cine(**facts)
    count = cine.frame_count
    points = make_landmarks(count) if landmarks else None
    return SceneClip(name, cine, view, make_masks(count), make_curve(count, scaled=cine.scale.known), points)


def make_measurements(first: str = "a", second: str = "b") -> tuple[Measurement, ...]:
    both = (Source(first, (1, 3)), Source(second, (0, 7)))
    return (
        Measurement(
            "LVEF", 100 / 3, "%", "biplane", both, 0.912345678, reference=Reference(52.0, 72.0, "ASE/EACVI 2015 F")
        ),
        Measurement("LVEDVI", None, "mL/m2", "A4C", both[:1], warnings=('Tab\tand "quotes", größer als 10 %',)),
        Measurement("LVMass", 151.98765432109876, "g", "linear", both[:1], grade="mild"),
    )


def make_study(*clips: SceneClip, **changes: Any) -> SceneStudy:
    chosen = clips or (make_clip(), make_clip("b", "A2C", landmarks=False, seed=7))
    return SceneStudy(chosen, **({"measurements": make_measurements(chosen[0].id, chosen[-1].id)} | changes))


@contextmanager
def opened(path: object) -> Iterator[Any]:
    """The scene in a file, as Slicer would open it."""
    with newScene() as scene:
        assert scene.ReadFromMRB(str(path), False, None)
        yield scene


def node(scene: Any, name: str) -> Any:
    """The one node of this name."""
    found = scene.GetFirstNodeByName(name)
    assert found is not None, name
    return found


def sequence(scene: Any, name: str) -> Any:
    found = scene.GetFirstNode(name, "vtkMRMLSequenceNode")
    assert found is not None, name
    return found


def browser_of(scene: Any, name: str) -> Any:
    found = node(scene, name)
    assert found.GetClassName() == "vtkMRMLSequenceBrowserNode"
    return found


def proxy_of(browser: Any, class_name: str) -> Any:
    """The node that shows what a browser steps, by its class."""
    (sequence,) = sequencesWith(browser, class_name)
    return browser.GetProxyNode(sequence)
