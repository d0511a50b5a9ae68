"""No writing of a machine's screen is left in the part of a clip that is kept, whose true sector is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from io_writers import fan, fan_mask
from numpy.typing import NDArray

from echoapex.cine import Cine, FrameTimes, Mode, Scale, Sector
from echoapex.errors import ReadError
from echoapex.io import find_sector
from echoapex.io.text_free_sector import REASONS, STILL, UNCERTAIN, find_text_free_sector, mask_within
from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.burned_in_text import burned_in
from echoapex.simulation.machine_interfaces import INTERFACES
from echoapex.simulation.screen_capture import screen_frames
from echoapex.simulation.vendor_looks import TRAINING

SIZE = (240, 336)


@cache
def screen(name: str | None, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Gray frames of a screen with a name written in its corners and around its middle, and the true sector."""
    rows, columns = SIZE
    view = ("A4C", "PLAX", "PSAX_MV")[seed % 3]
    clip = simulate_clip(
        draw_case("hard", 900_300 + seed),
        *(view,),
        rows=rows,
        columns=columns,
        sampling=TRAINING,
        max_frames=8,
        interface=name,
        beats=1.0,
    )
    shown = screen_frames(clip)[..., 0] if name else burned_in(clip)
    inside = clip.imager.in_sector(clip.canvas)
    letters = np.zeros(SIZE, np.uint8)
    for x in range(4, columns - 60, 66):
        for y in range(12, rows, 24):
            cv2.putText(letters, "ROE JANE", (x, y), cv2.FONT_HERSHEY_PLAIN, 0.6, 255, 1)
    ink = 20 if np.median(shown[0][~inside]) > 128 else 230
    written = shown.copy()
    written[:, (letters > 0) & ~inside] = ink
    return written, inside


def cine_of(frames: NDArray[np.uint8]) -> Cine:
    return Cine(frames, FrameTimes.unknown("none"), Scale.none("none"), find_sector(frames))


@pytest.mark.parametrize("name", [None, *INTERFACES])
def test_what_stands_still_beside_the_true_sector_is_gone(name: str | None) -> None:
    accepted = 0
    for seed in range(2):
        shown, inside = screen(name, seed)
        try:
            found = find_text_free_sector(cine_of(shown))
        except ReadError as refusal:
            assert refusal.rule in REASONS
            continue
        accepted += 1
        kept = found.only(shown)
        still = np.ptp(shown, axis=0) <= 4
        ground = np.bincount(shown[0][~inside]).argmax()
        drawn = (np.abs(shown[0].astype(int) - ground) > 12) & ~inside & still
        assert drawn.sum() > 500
        assert not kept[:, drawn].any(), (name, seed)
        assert (found.mask & inside).sum() > 0.5 * inside.sum(), "and the echoes are there"
    assert accepted


def test_what_is_not_sure_is_refused() -> None:
    cine = cine_of(fan())
    find_text_free_sector(cine)
    unsure = replace(cine, sector=Sector.from_mask(fan_mask(), "motion", 0.7))
    with pytest.raises(ReadError) as refusal:
        find_text_free_sector(unsure)
    assert refusal.value.rule == UNCERTAIN
    # A header's region says where a picture is, and is no proof of what is written in it.
    for certainty, sure in ((0.7, False), (1.0, True)):
        given = replace(cine, sector=Sector.from_mask(fan_mask(), "region", certainty))
        if sure:
            find_text_free_sector(given)
        else:
            with pytest.raises(ReadError):
                find_text_free_sector(given)
    with pytest.raises(ReadError):
        find_text_free_sector(replace(cine, mode=Mode.DOPPLER))


def test_the_border_lies_within_the_sector() -> None:
    found = find_text_free_sector(cine_of(fan(seed=9)))
    assert not (found.mask & ~mask_within(found.border, *fan_mask().shape)).any()
    assert not (found.mask & ~fan_mask()).any()


@pytest.mark.parametrize("count", [1, 6])
def test_a_picture_in_which_nothing_moves_is_refused(count: int) -> None:
    with pytest.raises(ReadError) as refusal:
        find_text_free_sector(cine_of(np.repeat(fan(1), count, axis=0)))
    assert refusal.value.rule == STILL
