"""The walls of a cine that a person has placed or confirmed, as they are in the scene."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from echoapex.analysis.walls_by_hand import WallByHand
from echoapex.cine import Cine
from echoapex.measure.wall_steps_by_hand import WALL_STEPS

from ..nodes.coordinates import ijkToRasOf
from ..sequences.landmarkSequence import landmarksOfSequence
from .wallPointNodes import byHand, findWallPoints
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
