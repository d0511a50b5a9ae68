"""Which clips are not outlined and measured unattended, and why."""

from __future__ import annotations

from ..cine import Cine, Mode
from ..errors import EchoApexError, MeasureError
from ..io.fan_orientation import seen_turned
from ..io.frame_likeness import MOST_DISORDER, disorder, find_cut
from ..io.sector_detection import LEAST_CERTAINTY, lies_on_side, probe_at_top
from ..models.model_card import UNKNOWN
from .view_structures import VIEW_STRUCTURES


class UnknownViewError(MeasureError):
    """The view could not be told of a clip that could have been measured."""


def why_unusable(cine: Cine, view: str, reason: str) -> EchoApexError | None:
    """Why nothing is outlined in this clip of a ``view``, None where something is; ``reason`` is of an unknown view."""
    if cine.mode is not Mode.TWO_D:
        return MeasureError("Only gray 2D clips are outlined and measured", value=cine.mode, file=cine.path)
    if cine.image_count > 1:
        rule = "Several images stand side by side in this clip, and only clips of a single one are measured unattended"
        return MeasureError(rule, value=cine.image_count, file=cine.path)
    if cine.frame_count < 2:
        return MeasureError("A single frame shows no beat, and nothing is measured in it unattended", file=cine.path)
    if lies_on_side(cine.sector):
        rule = (
            "This clip lies on its side: its fan has the probe at the left or at the right, and hearts are outlined "
            "with the probe at the top only; turn it by a quarter where it was exported"
        )
        return MeasureError(rule, file=cine.path)
    if cine.sector.certainty < LEAST_CERTAINTY:
        rule = (
            "Nothing is measured, since the ultrasound image was not found surely enough (certainty below "
            f"{LEAST_CERTAINTY:g}): cut the clip to the image"
        )
        return MeasureError(rule, value=round(cine.sector.certainty, 2), file=cine.path)
    if probe_at_top(cine.sector) is False and not seen_turned(cine):
        rule = (
            "This clip stands on its head, though not for certain: its fan has the probe at the bottom, and hearts are "
            "outlined with the probe at the top only; turn it first (analyze --flip FILE=vertical, or FILE=both where "
            "left and right are exchanged too)"
        )
        return MeasureError(rule, file=cine.path)
    if view == UNKNOWN:
        rule = f"The view of this clip is not known, and has to be named: {reason}"
        return UnknownViewError(rule, file=cine.path)
    if view not in VIEW_STRUCTURES:
        rule = "This clip shows none of the views that are outlined unattended"
        return MeasureError(rule, value=view, file=cine.path)
    return _why_no_beat(cine)


def _why_no_beat(cine: Cine) -> EchoApexError | None:
    """Why no beat can be followed through the frames, None where one may be."""
    if (cut := find_cut(cine.frames)) is not None:
        rule = "This clip goes over to another picture at once, and a beat must not be made of two: cut it there"
        return MeasureError(rule, value=f"frame {cut}, counted from 0", file=cine.path)
    if (found := disorder(cine.frames)) > MOST_DISORDER:
        rule = (
            "Neighboring frames of this clip are hardly more alike than any two of them, and no beat can be followed: "
            "they are out of order, too far apart in time, or show no motion (their distance over that of any two, "
            f"{MOST_DISORDER:g} at most)"
        )
        return MeasureError(rule, value=round(found, 2), file=cine.path)
    return None
