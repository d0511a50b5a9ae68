"""A small PLAX cine with walls of known size, and a hand on its points, for the tests of the wall protocol."""

from __future__ import annotations

from typing import Any

import numpy as np

from echoapex.cine import Cine, FloatArray, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from echoapex.landmarks import WALL_LANDMARKS, Landmarks
from EchoApexLib.nodes.coordinates import ijkToRas, pixelsFromRas, rasFromPixels
from EchoApexLib.sequences.cineSequence import addBrowser, addCineSequence
from EchoApexLib.walls.wallProtocol import WallProtocol

MM = (0.5, 0.6)
SCALE, NO_SCALE = Scale(MM, ScaleSource.DICOM_REGION), Scale.none("the header has no region")
FRAMES, ED, ES = 12, 2, 7
STEPS = ["IVSd", "LVIDd", "LVPWd", "LVIDs"]


def wall_marks(sigma: float = 2.0) -> Landmarks:
    """Four points on one line, walls of 10 and 9 mm around 46 mm at ED; the cavity is 30 mm at ES."""
    inner = 38 + 8 * np.cos(2 * np.pi * (np.arange(FRAMES) - ED) / 10)
    along = np.stack([0 * inner - 10, 0 * inner, inner, inner + 9], axis=1) + 20
    direction = np.array([np.cos(1.3), np.sin(1.3)])
    points = (np.array([20.0, 5.0]) + along[..., None] * direction) / (MM[1], MM[0])
    return Landmarks(WALL_LANDMARKS, points, np.full((FRAMES, 4), sigma))


def cine_of(scale: Scale = SCALE) -> Cine:
    frames = np.zeros((FRAMES, 200, 160), np.uint8)
    times = FrameTimes(np.arange(FRAMES) / 20, TimeSource.FRAME_TIME)
    return Cine(frames, times, scale, Sector.whole_frame(200, 160), simulated=True)


def opened(scene: Any, cine: Cine, name: str = "Cine") -> Any:
    return addBrowser(scene, name, addCineSequence(scene, f"{name} cine", cine), cine)


def suggested(scene: Any, scale: Scale = SCALE, **more: Any) -> tuple[Any, WallProtocol]:
    cine = cine_of(scale)
    browser = opened(scene, cine)
    walls = WallProtocol(scene, browser, cine, **more)
    walls.suggest(wall_marks(), ED, ES)
    browser.SetSelectedItemNumber(ED)
    return browser, walls


def drag(
    walls: WallProtocol, index: int, pixel: Any, scale: Scale = SCALE, steps: int = 3, release: bool = True
) -> None:
    """As a hand drags in a view: start, some places on the way, the last place, and let go."""
    points = walls.points
    points.InvokeEvent(points.PointStartInteractionEvent)
    start, end = np.array(points.GetNthControlPointPosition(index)), rasFromPixels(pixel, ijkToRas(scale.mm_per_px))
    for part in np.linspace(0, 1, steps + 1)[1:]:
        points.SetNthControlPointPosition(index, *(end if part == 1 else start + part * (end - start)))
    if release:
        points.InvokeEvent(points.PointEndInteractionEvent)


def shown(walls: WallProtocol, scale: Scale = SCALE) -> FloatArray:
    points = walls.points
    ras = [points.GetNthControlPointPosition(index) for index in range(4)]
    return pixelsFromRas(ras, ijkToRas(scale.mm_per_px))


def off_line(points: FloatArray) -> float:
    """In pixels; distances from a line do not depend on the scale of the axes as far as being 0 goes."""
    along = points[3] - points[0]
    length = float(np.linalg.norm(along))
    return 0.0 if length == 0 else float(np.abs((points - points[0]) @ [-along[1], along[0]]).max() / length)


def values(walls: WallProtocol) -> list[float | None]:
    return [step.value for step in walls.steps]


def statuses(walls: WallProtocol) -> list[str]:
    return [str(step.status) for step in walls.steps]


def line_of(browser: Any, name: str) -> Any:
    return browser.GetNodeReference(f"EchoApex.Wall.{name}")


def lines_shown(browser: Any) -> list[str]:
    return [name for name in STEPS if line_of(browser, name) and line_of(browser, name).GetDisplayVisibility()]
