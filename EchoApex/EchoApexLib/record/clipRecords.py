"""What nodes cannot hold exactly, as plain data for a text node of the scene.

Pixels, times, spacing, masks and landmarks are in the nodes. The rest of a clip (where times and scale come from, the
sector, confidence, curves) and the measurements, to the last digit, are here. Nothing that identifies a patient is:
neither identifiers nor paths nor names of header fields.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from echoapex.cine import (
    BoolMask,
    Cine,
    Flip,
    FloatArray,
    FrameTimes,
    ImageStack,
    Mode,
    ModeSource,
    Scale,
    ScaleSource,
    Sector,
    Setting,
    TimeSource,
)
from echoapex.console import plain
from echoapex.errors import ReadError
from echoapex.inference.segmentation import Segmentation
from echoapex.io.packed_bits import bits_from_text, bits_to_text
from echoapex.measure.measurement import Beat, Exclusion, Measurement, MeasurementStatus, Reference, Source

from .recordShapes import SCHEMA
from .studyContents import Curve, SceneClip

_ROUNDING = 1e-9
_ELSEWHERE = ("frames", "color_frames", "times", "scale", "sector", "path", "parts", "identifying", "warnings")


def clipRecord(clip: SceneClip) -> dict[str, Any]:
    """The record of a clip, fit for JSON; unknown is None."""
    cine, curve = clip.cine, clip.curve
    record = {
        "schema": SCHEMA,
        "view": clip.view,
        "facts": {item.name: getattr(cine, item.name) for item in fields(Cine) if item.name not in _ELSEWHERE},
        "times": {"source": cine.times.source, "reason": cine.times.reason},
        "scale": {"mm_per_px": cine.scale.mm_per_px, "source": cine.scale.source, "reason": cine.scale.reason},
        "sector": {
            "mask": _packed(cine.sector.mask),
            "source": cine.sector.source,
            "certainty": cine.sector.certainty,
        },
        "confidence": {name: found.confidence for name, found in clip.segmentations.items()},
        "checksums": {name: [checksum(mask) for mask in found.masks] for name, found in clip.segmentations.items()},
        "curve": None if curve is None else _curve(curve),
    }
    return dict(plain(record))


def checksum(mask: BoolMask) -> int:
    """Tells whether a mask is still the one that was found."""
    return zlib.crc32(np.packbits(mask).tobytes())


def _curve(curve: Curve) -> dict[str, Any]:
    return {**vars(curve), "beats": [vars(beat) for beat in curve.beats]}


def _packed(mask: BoolMask) -> str:
    return bits_to_text(np.packbits(mask).tobytes())


def _unpacked(text: str, shape: tuple[int, int]) -> BoolMask:
    count = shape[0] * shape[1]
    bits = np.frombuffer(bits_from_text(text, (count + 7) // 8), np.uint8)
    return np.unpackbits(bits, count=count).astype(bool).reshape(shape)


def cineOfRecord(
    record: Mapping[str, Any], frames: ImageStack, seconds: FloatArray | None, mmPerPx: tuple[float, float]
) -> Cine:
    """A `Cine` from what its nodes and its record hold; ``mmPerPx`` is the spacing ``(y, x)`` of the nodes."""
    times, sector = record["times"], record["sector"]
    facts: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record["facts"].items()
    }
    facts |= {"mode": Mode(facts["mode"]), "mode_source": ModeSource(facts["mode_source"])}
    if "setting" in facts:
        facts["setting"] = Setting(**facts["setting"])
    if facts.get("flip") is not None:
        facts["flip"] = Flip(facts["flip"])
    return Cine(
        frames=frames,
        times=FrameTimes(seconds, TimeSource(times["source"]), times["reason"]),
        scale=_scale(record["scale"], mmPerPx),
        # Scenes of before did not keep how sure it is.
        sector=Sector.from_mask(
            _unpacked(sector["mask"], (frames.shape[1], frames.shape[2])),
            sector["source"],
            sector.get("certainty", 1.0),
        ),
        **facts,
    )


def _scale(record: Mapping[str, Any], mmPerPx: tuple[float, float]) -> Scale:
    source, recorded = ScaleSource(record["source"]), record["mm_per_px"]
    if source is ScaleSource.NONE:
        return Scale.none(record["reason"])
    # A file may round the last digit of a spacing; a spacing that was changed in Slicer counts.
    same = np.allclose(mmPerPx, recorded, rtol=_ROUNDING, atol=0)
    return Scale((recorded[0], recorded[1]) if same else mmPerPx, source, record["reason"])


def segmentationsOf(
    masks: Mapping[str, BoolMask], confidence: Mapping[str, Sequence[float]]
) -> dict[str, Segmentation]:
    """Masks with their confidence; 1 in each frame for a structure without one, which was drawn by hand.

    Raises `ReadError` where there is not one for each frame.
    """
    for name, stack in masks.items():
        if name in confidence and len(confidence[name]) != len(stack):
            found = f"{len(confidence[name])} for {len(stack)} frames"
            raise ReadError("There must be one confidence for each frame of a structure", value=found)
    return {
        name: Segmentation(stack, np.asarray(confidence.get(name, np.ones(len(stack))), np.float32))
        for name, stack in masks.items()
    }


def curveOfRecord(record: Mapping[str, Any] | None, frameCount: int) -> Curve | None:
    """A curve of so many frames from its record; None where there is none. Raises `ReadError` for another one."""
    if record is None:
        return None
    curve = Curve(record["name"], record["unit"], numbers(record["values"]), beatsOfRecord(record["beats"]))
    checkCurve(curve, frameCount)
    return curve


def checkCurve(curve: Curve, frameCount: int) -> None:
    """Raises `ReadError` for a curve that has not one value for each frame, and for a beat beyond them."""
    moments = [frame for beat in curve.beats for frame in (beat.ed, beat.es, beat.next_ed) if frame is not None]
    if len(curve.values) != frameCount or max(moments, default=0) >= frameCount:
        found = f"{len(curve.values)} values and frame {max(moments, default=0)} for {frameCount} frames"
        raise ReadError("The curve of this cine is damaged: it is of other frames", value=found)


def numbers(values: Sequence[float | None]) -> FloatArray:
    """Numbers as an array; None, which is unknown, as NaN."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def beatsOfRecord(items: Iterable[Mapping[str, Any]]) -> tuple[Beat, ...]:
    """Beats; where the next begins is None unless it is told."""
    return tuple(Beat(item["ed"], item["es"], item.get("next_ed")) for item in items)


def measurementOfRecord(item: Mapping[str, Any]) -> Measurement:
    """A measurement from plain data, as in report.json and in the record of a scene."""
    reference, excluded = item["reference"], item.get("excluded")
    told = {name: item[name] for name in ("name", "value", "unit", "method", "confidence", "grade")}
    return Measurement(
        **told,
        sources=tuple(Source(source["clip"], tuple(source["frames"])) for source in item["sources"]),
        reference=None if reference is None else Reference(reference["low"], reference["high"], reference["scheme"]),
        warnings=tuple(item["warnings"]),
        status=MeasurementStatus(item.get("status", MeasurementStatus.PREDICTED)),
        rater=item.get("rater") or "",
        excluded=None if excluded is None else Exclusion(excluded["reason"], excluded.get("through")),
    )
