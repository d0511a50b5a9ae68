"""Two apical clips of one ventricle with known beats, and the report of an analysis that has found its outlines."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scene_cases import make_study
from written_reports import write_report

from echoapex.cine import BoolMask, Cine, FrameTimes, Scale, ScaleSource, Sector, TimeSource
from echoapex.inference.segmentation import Segmentation
from echoapex.measure.biplane_ef import measure_biplane
from echoapex.measure.measurement import Beat, Measurement
from echoapex.measure.single_plane_ef import LVResult, measure_lv
from EchoApexLib.record.studyContents import Curve, SceneClip
from EchoApexLib.study.studyInScene import addStudy

ROWS, COLUMNS = 90, 70
SCALE = Scale((1.1, 1.1), ScaleSource.DICOM_REGION)
BEATS = {"A4C": (Beat(4, 12, 20), Beat(20, 28)), "A2C": (Beat(2, 12, 22),)}
"""ED and ES are the largest and smallest ventricle of each period; A2C is slower."""

FRAMES = {"A4C": 32, "A2C": 24}


def ventricles(view: str) -> BoolMask:
    """Half ellipses that shrink and grow between the ED and ES of `BEATS`, slower after ES than before."""
    beats, frames = BEATS[view], FRAMES[view]
    knots = sorted({frame for beat in beats for frame in (beat.ed, beat.es, beat.next_ed) if frame is not None})
    full = [1.0 if any(knot in (beat.ed, beat.next_ed) for beat in beats) else 0.0 for knot in knots]
    filling = np.interp(np.arange(frames), knots, full)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    wide, long = 15 + 7 * filling + (view == "A2C"), 52 + 6 * filling
    inside = ((x - 35) / wide[:, None, None]) ** 2 + ((75 - y) / long[:, None, None]) ** 2 <= 1
    return np.asarray(inside & (y <= 75))


def measured(clip: SceneClip, beats: tuple[Beat, ...] | None = None) -> LVResult:
    """What the engine measures in a clip, in these beats or in all of its curve."""
    assert clip.curve is not None
    return measure_lv(
        *(clip.id, clip.view, clip.segmentations["LV"].masks),
        scale=clip.cine.scale,
        times=clip.cine.times,
        beats=clip.curve.beats if beats is None else beats,
        confidence=clip.segmentations["LV"].confidence,
    )


@cache
def apical_clip(view: str, *, scale: Scale = SCALE, name: str = "") -> SceneClip:
    """A clip of a ventricle that beats: 30 frames a second, its outlines, and the curve that they give."""
    masks, count = ventricles(view), FRAMES[view]
    cine = Cine(
        np.where(masks, 30, 200).astype(np.uint8),
        FrameTimes(np.arange(count) / 30, TimeSource.FRAME_TIME),
        scale,
        Sector.whole_frame(ROWS, COLUMNS),
        simulated=True,
    )
    found = {"LV": Segmentation(masks, np.full(count, 0.9, np.float32))}
    clip = SceneClip(name or view.lower(), cine, view, found, Curve("LV volume", "mL", np.zeros(count), BEATS[view]))
    lv = measured(clip)
    volume, unit = (lv.area_px, "px") if lv.volume_ml is None else (lv.volume_ml, "mL")
    return SceneClip(
        clip.id, cine, view, found, Curve(f"LV {'area' if unit == 'px' else 'volume'}", unit, volume, BEATS[view])
    )


def numbers_of(*clips: SceneClip) -> tuple[Measurement, ...]:
    """What an analysis has measured in these clips, biplane where there are two with a scale."""
    results = [measured(clip) for clip in clips]
    both = () if len(clips) < 2 else measure_biplane(*results)
    return (*(item for result in results for item in result.measurements), *both)


def apical_report(folder: Path, *clips: SceneClip) -> Path:
    """The folder of a report of these clips; of an A4C and an A2C clip where none is given."""
    folder.mkdir(exist_ok=True)
    given = clips or (apical_clip("A4C"), apical_clip("A2C"))
    from echoapex.console import plain

    return write_report(folder, *given, measurements=plain(numbers_of(*given)))


def apical_scene(scene: Any, *clips: SceneClip) -> dict[str, Any]:
    """The browsers by view of these clips in ``scene``; of an A4C and an A2C clip where none is given."""
    given = clips or (apical_clip("A4C"), apical_clip("A2C"))
    browsers = addStudy(scene, make_study(*given, measurements=()))
    return {clip.view: browser for clip, browser in zip(given, browsers, strict=True)}
