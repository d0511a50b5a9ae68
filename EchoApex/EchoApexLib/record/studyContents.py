"""What goes into a scene and comes out of it: clips with what was found in them, and measurements."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from echoapex.analysis.clip_analysis import ClipResult
from echoapex.cine import Cine, FloatArray
from echoapex.inference.segmentation import Segmentation
from echoapex.landmarks import Landmarks
from echoapex.measure.measurement import Beat, Measurement


@dataclass(frozen=True)
class Curve:
    """A size of the left ventricle over time: ``values`` ``[T]`` in ``unit``, NaN where unknown, and its beats."""

    name: str
    unit: str
    values: FloatArray
    beats: tuple[Beat, ...] = ()


@dataclass(frozen=True)
class SceneClip:
    """What a scene holds of one clip."""

    id: str
    cine: Cine
    view: str
    segmentations: Mapping[str, Segmentation]
    curve: Curve | None = None
    landmarks: Landmarks | None = None


@dataclass(frozen=True)
class SceneStudy:
    """The clips of one study with their measurements; ``note`` says in words what made them and what they are for."""

    clips: tuple[SceneClip, ...]
    measurements: tuple[Measurement, ...] = ()
    note: str = ""


def sceneClip(result: ClipResult) -> SceneClip:
    """What a scene holds of a clip that the engine analyzed."""
    walls = result.walls
    curve = sizeCurve(
        result.beats,
        None if result.lv is None else result.lv.volume_ml,
        None if result.lv is None else result.lv.area_px,
        None if walls is None else walls.curves["LVID"],
        "mm" if walls is None else walls.unit,
    )
    return SceneClip(result.id, result.cine, result.view, result.segmentations, curve, result.landmarks)


def sizeCurve(
    beats: Iterable[Beat],
    volume_ml: FloatArray | None,
    area_px: FloatArray | None,
    diameter: FloatArray | None,
    diameterUnit: str = "mm",
) -> Curve | None:
    """The curve to show: the volume, or without a scale the area, or in PLAX the inner diameter; None without any."""
    if volume_ml is not None:
        return Curve("LV volume", "mL", volume_ml, tuple(beats))
    if area_px is not None:
        return Curve("LV area", "px", area_px, tuple(beats))
    return None if diameter is None else Curve("LV inner diameter", diameterUnit, diameter, tuple(beats))


def sceneNames(clips: Sequence[SceneClip]) -> dict[str, str]:
    """What each clip, by identifier, is called in a scene: its view, a number from the second on, and if simulated.

    Identifiers stay out of scenes: they may come from names of files, and those from names of patients.
    """
    return namesByView((clip.id, clip.view, clip.cine.simulated) for clip in clips)


def namesByView(clips: Iterable[tuple[str, str, bool]]) -> dict[str, str]:
    """As `sceneNames`, of identifier, view, and whether it is simulated."""
    seen: Counter[str] = Counter()
    names = {}
    for identifier, view, simulated in clips:
        seen[view] += 1
        number = f" {seen[view]}" if seen[view] > 1 else ""
        names[identifier] = f"{view}{number}{' (simulated)' if simulated else ''}"
    return names


def renamed(measurement: Measurement, names: Mapping[str, str]) -> Measurement:
    """The measurement with its clips called as in the scene, in its texts too; one that is not there is called so."""
    sources = (replace(source, clip=names.get(source.clip, "not in this scene")) for source in measurement.sources)
    told = tuple(_withNames(text, names) for text in measurement.warnings)
    return replace(measurement, sources=tuple(sources), warnings=told)


def _withNames(text: str, names: Mapping[str, str]) -> str:
    unlike = sorted((name for name in names if not names[name].startswith(name)), key=len, reverse=True)
    if not unlike:
        return text
    pattern = rf"(?<![\w.-])({'|'.join(map(re.escape, unlike))})(?![\w-])"
    return re.sub(pattern, lambda found: names[found.group()], text)
