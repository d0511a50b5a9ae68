"""Simulated studies for pretraining on clips: drawn once beside the run, with what is true of each heart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import EchoApexError
from ..io.npz_reading import npz_forms, read_npz
from ..io.safe_files import written_beside
from ..measure.lv_mass import LINEAR, lv_mass
from ..measure.normal_ranges import within_upper_limit
from ..patient import Sex
from ..simulation.aortic_valve import stenosis_of
from ..simulation.case import Case
from ..simulation.data_source import SimulatedData
from ..simulation.presets import check_view
from ..simulation.study_clips import draw_study_case, study_clips
from ..simulation.vendor_looks import TRAINING
from .clip_source import SectorClip, SectorStudy
from .drawn_frames import Say, check_origin, check_writable
from .frame_shards import refuse_test_seeds
from .simulated_frames import HELD_OUT_SHARE

LVH, STENOSIS = "lvh", "aortic_stenosis"
_LABELS = (LVH, STENOSIS)
_STUDIES_PER_SHARD = 20
_DAMAGED = "Simulated studies cannot be read; delete this file, and they are drawn again"


@dataclass(frozen=True)
class StudyDrawing:
    """What studies are drawn from: a clip of so many ``frames`` of ``frame_size`` pixels for each of ``views``.

    Of the frames of a machine (20 to 40 ms) every ``every``-th is kept.
    """

    preset: str
    frame_size: int
    views: tuple[str, ...]
    frames: int
    every: int

    def __post_init__(self) -> None:
        for view in self.views:
            check_view(view)
        if not self.views:
            raise EchoApexError("A study needs at least one view")


class SimulatedStudies:
    """A `StudySource` of simulated hearts; the last fifth of the patients is held out.

    ``labels`` of a study are ``lvh`` (1 where the LV mass by the cube formula is beyond the upper limit of men, 224 g,
    ASE/EACVI 2015: simulated hearts have no sex and no body that an index would need) and ``aortic_stenosis`` (0 to 3,
    `AorticStenosis`).
    """

    simulated = True

    def __init__(self, text: str, views: str, frame_size: int, frames: int, every: int, folder: Path, say: Say) -> None:
        data = SimulatedData.parse(text, first_seed=0)
        refuse_test_seeds(data.seeds)
        if data.count < 2:
            raise EchoApexError("Pretraining needs two simulated patients or more, to hold one out", value=text)
        self.name = str(data)
        drawing = StudyDrawing(data.preset, frame_size, tuple(views.split()), frames, every)
        studies = [study for file, seeds in _drawn(drawing, data, folder, say) for study in _read(drawing, file, seeds)]
        held_out = max(1, round(HELD_OUT_SHARE * data.count))
        self.learned, self.held_out = studies[:-held_out], studies[-held_out:]

    def __len__(self) -> int:
        return len(self.learned)

    def order(self, number: int, seed: int) -> NDArray[np.int64]:
        """As `Source`."""
        return np.random.default_rng([seed, number, 7]).permutation(len(self.learned))

    def item(self, place: int) -> SectorStudy:
        """As `Source`; frames are read when they are asked for."""
        return self.learned[place]


def study_labels(case: Case) -> dict[str, int]:
    """What is true of a heart, as labels."""
    shape = case.shape
    mass = lv_mass(shape.ivsd_mm, shape.lvidd_mm, shape.lvpwd_mm)
    heavy = not within_upper_limit("LVMass", LINEAR, mass, Sex.MALE)
    return {LVH: int(heavy), STENOSIS: int(stenosis_of(shape))}


def _drawn(drawing: StudyDrawing, data: SimulatedData, folder: Path, say: Say) -> list[tuple[Path, range]]:
    """The files of all studies and the seeds in each, drawn where they are not there yet."""
    check_writable(folder, "Simulated studies cannot be kept here")
    check_origin({"studies": asdict(drawing) | {"views": list(drawing.views)}}, folder)
    files, last = [], data.seeds.stop
    for start in range(data.first_seed, last, _STUDIES_PER_SHARD):
        seeds = range(start, min(start + _STUDIES_PER_SHARD, last))
        file = folder / f"studies-{start:06d}-{len(seeds):02d}.npz"
        if not file.exists():
            say(f"drawing studies {start} to {seeds[-1]}")
            _write(file, [_draw_one(drawing, seed) for seed in seeds])
        files.append((file, seeds))
    return files


def _draw_one(drawing: StudyDrawing, seed: int) -> tuple[Any, list[int]]:
    case = draw_study_case(drawing.preset, seed)
    size: dict[str, Any] = dict(rows=drawing.frame_size, columns=drawing.frame_size)
    clips = study_clips(case, drawing.views, **size, frames=drawing.frames, every=drawing.every, sampling=TRAINING)
    labels = study_labels(case)
    return np.stack([clip.frames for clip in clips]), [labels[name] for name in _LABELS]


def _write(file: Path, studies: list[tuple[Any, list[int]]]) -> None:
    frames, labels = zip(*studies, strict=True)
    try:
        with written_beside(file) as draft:
            np.savez_compressed(draft, frames=np.stack(frames), labels=np.array(labels, np.int64))
    except OSError as error:
        raise EchoApexError("Simulated studies cannot be written", value=error.strerror, file=file) from None


def _read(drawing: StudyDrawing, file: Path, seeds: range) -> list[SectorStudy]:
    """The studies in a file. Raises `EchoApexError` for one that is damaged, or holds others."""
    size = drawing.frame_size
    expected = (len(seeds), len(drawing.views), drawing.frames, size, size)
    forms = npz_forms(file, _DAMAGED)
    if {name: form[0] for name, form in forms.items()} != {"frames": expected, "labels": (len(seeds), len(_LABELS))}:
        raise EchoApexError(_DAMAGED, value=f"{forms} in place of frames {expected}", file=file)
    arrays = read_npz(file, ("frames", "labels"), _DAMAGED)
    if arrays["frames"].dtype != np.uint8 or arrays["labels"].dtype != np.int64:
        raise EchoApexError(_DAMAGED, value="arrays of another type", file=file)
    return [
        SectorStudy(
            f"simulated-{seed}",
            f"simulated-{seed}",
            tuple(
                SectorClip(drawing.frames, clip.__getitem__, view)
                for clip, view in zip(clips, drawing.views, strict=True)
            ),
            dict(zip(_LABELS, map(int, labels), strict=True)),
        )
        for seed, clips, labels in zip(seeds, arrays["frames"], arrays["labels"], strict=True)
    ]
