"""The walls of a cine that a person has placed or confirmed, as they are in the scene."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoapex.analysis.walls_by_hand import WallByHand
from echoapex.cine import Cine, FloatArray
from echoapex.errors import EchoApexError
from echoapex.measure.wall_steps_by_hand import WALL_STEPS

from ..nodes.coordinates import ijkToRasOf
from ..sequences.landmarkSequence import landmarksOfSequence
from .wallPointDragging import INNER
from .wallPointNodes import POINTS, addWallPoints, byHand, describePoints, findWallPoints, pointsOf, writePoints
from .wallProtocol import PROTOCOL, protocolOf, sameValue


def wallsByHand(browser: Any, cine: Cine) -> dict[str, WallByHand]:
    """The lengths by name whose ends were placed, or which were confirmed and have not changed since.

    Nothing in the scene is changed, whether somebody works on the cine or not. Raises `EchoApexError` where what the
    scene says of the walls is damaged or lies outside of the frames.
    """
    if not browser.GetAttribute(PROTOCOL):
        return {}
    walls = dict(_walls(browser, cine))
    for wall in walls.values():
        wall.check(cine)
    return walls


def wallsStamp(browser: Any) -> object:
    """Differs once `wallsByHand` would give something else. Raises as that for a damaged protocol."""
    sequence = browser.GetNodeReference(POINTS)
    count = 0 if sequence is None else sequence.GetNumberOfDataNodes()
    ed, es, _ = protocolOf(browser, count) if count else (None, None, {})
    items = [sequence.GetNthDataNode(frame) for frame in (ed, es) if frame is not None]
    # The time of markups does not tell of a point that was moved.
    places = tuple(
        (item.GetNthControlPointDescription(index), *item.GetNthControlPointPosition(index))
        for item in items
        for index in range(item.GetNumberOfControlPoints())
    )
    return browser.GetAttribute(PROTOCOL), places


def keepWalls(browser: Any, cine: Cine, walls: Mapping[str, WallByHand]) -> None:
    """Puts lengths by name back where `wallsByHand` finds them; points that no hand has placed stay as they are.

    They are of a scene in which nobody works on the cine. Raises `EchoApexError` where those of one phase lie in
    several frames, which a scene cannot hold.
    """
    frames = {at_es: {walls[name].frame for name in _names(at_es) if name in walls} for at_es in (False, True)}
    if any(len(found) > 1 for found in frames.values()):
        raise EchoApexError("The walls of one phase must be placed in one frame to be shown", value=frames)
    sequence = findWallPoints(browser, cine) or addWallPoints(browser, cine)
    for at_es, found in frames.items():
        for frame in found:
            _put(browser, sequence, frame, {name: walls[name] for name in _names(at_es) if name in walls})
    ed, es = (next(iter(frames[at_es]), None) for at_es in (False, True))
    confirmed = {name: (wall.frame, wall.length(cine)) for name, wall in walls.items() if wall.confirmed}
    browser.SetAttribute(PROTOCOL, json.dumps({"ed": ed, "es": es, "confirmed": confirmed}))


def _names(at_es: bool) -> list[str]:
    return [step.name for step in WALL_STEPS if step.at_es is at_es]


def _put(browser: Any, sequence: Any, frame: int, walls: Mapping[str, WallByHand]) -> None:
    """Puts the ends of ``walls`` into the points of their frame, and into what is shown."""
    matrix = ijkToRasOf(browser.GetProxyNode(browser.GetMasterSequenceNode()))
    item = sequence.GetNthDataNode(frame)
    points = pointsOf(item, matrix)
    steps = [step for step in WALL_STEPS if step.name in walls]
    for step in steps:
        points[list(step.ends)] = walls[step.name].ends
    sigma = landmarksOfSequence(sequence, matrix).sigma_px[frame]
    active = np.isin(np.arange(len(points)), INNER) if any(step.at_es for step in steps) else np.ones(len(points), bool)
    shown = [browser.GetProxyNode(sequence)] if browser.GetSelectedItemNumber() == frame else []
    for markups in (item, *shown):
        writePoints(markups, points, matrix)
        describePoints(markups, sigma, _placedEnds(points, walls), active)


def _placedEnds(points: FloatArray, walls: Mapping[str, WallByHand]) -> NDArray[np.bool_]:
    """Which of the four points were placed: the ends of a placed length, but for those of one that no hand has touched.

    A length was placed where one of its ends was: it is not kept which.
    """
    at_es = any(step.at_es for step in WALL_STEPS if step.name in walls)
    known = [step for step in WALL_STEPS if step.at_es is at_es and np.isfinite(points[list(step.ends)]).all()]
    placed = {step.name for step in known if step.name in walls and walls[step.name].placed}
    free = {end for step in known if step.name not in placed for end in step.ends}
    ends = {step.name: set(step.ends) - free or set(step.ends) for step in known if step.name in placed}
    return np.isin(np.arange(len(points)), sorted(set().union(*ends.values())))


def _walls(browser: Any, cine: Cine) -> Iterator[tuple[str, WallByHand]]:
    ed, es, confirmed = protocolOf(browser, cine.frame_count)
    sequence = findWallPoints(browser, cine)
    if sequence is None:
        return
    matrix = ijkToRasOf(browser.GetProxyNode(browser.GetMasterSequenceNode()))
    places = landmarksOfSequence(sequence, matrix).points
    for step in WALL_STEPS:
        frame = es if step.at_es else ed
        if frame is None or not np.isfinite(places[frame, list(step.ends)]).all():
            continue
        first, second = (tuple(map(float, places[frame, end])) for end in step.ends)
        placed = bool(byHand(sequence.GetNthDataNode(frame))[list(step.ends)].any())
        wall = WallByHand(frame, ((first[0], first[1]), (second[0], second[1])), placed)
        seen = confirmed.get(step.name)
        is_seen = seen is not None and seen[0] == frame and sameValue(seen[1], wall.length(cine))
        if (placed or is_seen) and wall.length(cine) > 0:
            yield step.name, WallByHand(frame, wall.ends, placed, is_seen)
