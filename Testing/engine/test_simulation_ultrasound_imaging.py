"""Simulated pictures: brightness of real frames, speckle that is material, files as machines write them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom.examples import get_path

from echoapex import simulation
from echoapex.cli import main
from echoapex.errors import EchoApexError
from echoapex.io import read_cine, sort_out, write_masks
from echoapex.simulation import PATHOLOGIES, VIEWS, draw_case, simulate_clip, write_study
from echoapex.simulation.heart import Heart, HeartShape, Tissue
from echoapex.simulation.simulated_study import study_case
from echoapex.simulation.ultrasound_imaging import Canvas, Imager
from echoapex.simulation.vendor_looks import TRAINING, Conditions, Look, Sampling
from echoapex.simulation.view_planes import Placement
from echoapex.training.augmentation import augment
from echoapex.training.frame_shards import draw_frames

PERCENTILES = (50, 75, 90, 97, 99.5)
REAL_RANGES = ((0, 20), (13, 62), (40, 135), (75, 192), (123, 240))
"""Gray levels of twelve real crops at `PERCENTILES`, measured once in the simulation study."""


def levels(frame: np.ndarray, sector: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(sector.any(1)), np.flatnonzero(sector.any(0))
    return np.percentile(frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], PERCENTILES)


def drawn_levels(seed: int) -> np.ndarray:
    """Of the first frame of a clip of the ``hard`` preset."""
    view = "A2C" if seed % 3 == 2 else "A4C"
    clip = simulate_clip(draw_case("hard", seed), view, rows=180, columns=240, sampling=TRAINING, max_frames=1)
    return levels(clip.frames[0], clip.imager.in_sector(clip.canvas))


def test_brightness_is_that_of_real_frames() -> None:
    """Clips as they are drawn, and what a network is trained on: simulated frames with their changes of tone."""
    for value, (low, high) in zip(np.median([drawn_levels(seed) for seed in range(7000, 7012)], axis=0), REAL_RANGES):
        assert low <= value <= high
    frames = draw_frames("hard", range(7000, 7016), 128, {"A4C": 2.0, "A2C": 1.0})
    rng = np.random.default_rng(1)
    drawn = zip(frames.images, frames.labels, frames.landmarks, strict=True)
    seen = [augment(image, label, points, 128, rng)[0] for image, label, points in drawn]
    trained = np.array([levels(picture, picture > 0) for picture in seen])
    for value, (low, high) in zip(np.median(trained, axis=0), REAL_RANGES, strict=True):
        assert low <= value <= high
    real = read_cine(get_path("ybr_color"))
    own = levels(real.masked_frames()[0], real.sector.mask)
    # Nothing real is darker or brighter than everything simulated.
    assert np.all(own >= trained.min(axis=0))
    assert np.all(own <= trained.max(axis=0))


@pytest.mark.parametrize("view", list(VIEWS))
def test_every_view_gives_a_picture_that_shows_something(view: str) -> None:
    """Also where no muscle lies in the sector, by which the gain is set elsewhere."""
    for seed in range(2):
        clip = simulate_clip(draw_case("hard", seed), view, rows=90, columns=120, sampling=TRAINING, max_frames=1)
        shown = clip.frames[0][clip.imager.in_sector(clip.canvas)]
        assert np.percentile(shown, 99) > 60 > np.percentile(shown, 20), seed


def test_pictures_follow_from_the_seed_alone() -> None:
    case = draw_case("hard", 31)
    first, again = (
        simulate_clip(case, "A4C", rows=90, columns=120, sampling=TRAINING, max_frames=3).frames for _ in range(2)
    )
    other = simulate_clip(draw_case("hard", 32), "A4C", rows=90, columns=120, sampling=TRAINING, max_frames=3).frames
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_speckle_is_carried_by_the_tissue() -> None:
    """A patch of wall is found again where the motion took it, not where it was."""
    heart = Heart(HeartShape(ef=0.6))
    look = Look("plain", smoothing=0.2, persistence=0.0)
    conditions = Conditions(depth_mm=140, haze=0.0, clutter=0.0, noise_db=-90, shadows=0, dropouts=0)
    sampling = Sampling(depth_samples=900, beams=256, scatterers_per_cell=4, slab_mm=0.0)
    imager = Imager(heart, Placement(VIEWS["A4C"], 0.0, 15.0), look, conditions, seed=3, sampling=sampling)
    canvas = Canvas.fit(500, 600, look, 140)
    phases = (0.10, 0.13)
    before, after = (imager.picture(phase, canvas).astype(float) for phase in phases)
    radius = float(heart.radius(np.array([0.5]), 0.0)[0])
    ed = np.array([[-(radius + 0.5 * heart.shape.ivsd_mm), 0.62 * heart.shape.length_mm, 0.0]])
    places = [canvas.to_pixels(imager.plane.to_image(heart.move(ed, phase)))[0].round().astype(int) for phase in phases]
    assert np.linalg.norm(places[1] - places[0]) >= 3

    def patch(frame: np.ndarray, place: np.ndarray) -> np.ndarray:
        return frame[place[1] - 9 : place[1] + 10, place[0] - 9 : place[0] + 10].ravel()

    carried = np.corrcoef(patch(before, places[0]), patch(after, places[1]))[0, 1]
    stayed = np.corrcoef(patch(before, places[0]), patch(after, places[0]))[0, 1]
    assert carried > 0.6
    assert carried > stayed + 0.2


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    write_study(folder, 900_950, ("A4C", "A2C"), "hard", {"ef": 55, "ivsd": 12, "edv": 90}, rows=150, columns=200)
    return folder


def test_a_written_study_reads_back_with_times_and_scale(study: Path) -> None:
    truth = json.loads((study / "truth.json").read_text())
    assert truth["LVEF_percent"] == pytest.approx(55)
    assert truth["IVSd_mm"] == pytest.approx(12)
    assert truth["LVEDV_ml"] == pytest.approx(90)
    for clip in truth["clips"]:
        cine = read_cine(study / clip["file"])
        assert cine.simulated
        assert cine.view == clip["view"]
        assert cine.times.seconds == pytest.approx(np.arange(cine.frame_count) * clip["frame_time_s"], abs=1e-5)
        assert cine.scale.require() == pytest.approx((clip["mm_per_px"],) * 2)
        assert len(clip["LV_volume_ml"]) == cine.frame_count


def test_true_masks_lie_in_the_sector_and_shrink_with_the_volume(study: Path) -> None:
    import SimpleITK as sitk

    truth = json.loads((study / "truth.json").read_text())
    clip = truth["clips"][0]
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(study / "A4C-truth.nrrd")))
    cine = read_cine(study / "A4C.dcm")
    assert labels.shape == cine.frames.shape
    area = (labels == Tissue.LV).sum(axis=(1, 2)).astype(float)
    assert np.corrcoef(area, clip["LV_volume_ml"])[0, 1] > 0.97
    inside = cine.sector.mask
    assert np.count_nonzero((labels > 0) & ~inside) <= 0.03 * np.count_nonzero(labels)


def test_the_overlay_is_masked_away_with_what_lies_outside_the_sector(study: Path) -> None:
    cine = read_cine(study / "A4C.dcm")
    outside = np.where(cine.sector.mask, 0, cine.frames[0])
    assert outside[:20, :60].max() > 100, "the burned-in text is there"
    assert cine.masked_frames()[0][:20, :60].max() == 0


def test_true_labels_and_masks_are_not_listed_as_clips(study: Path) -> None:
    cine = read_cine(study / "A4C.dcm")
    masks = study / "masks.nrrd"
    write_masks(masks, cine.frames > 100, cine)
    assert [path.name for path in sort_out(study)[0]] == ["A2C.dcm", "A4C.dcm"]
    masks.unlink()


def test_a_study_is_the_same_every_time(study: Path, tmp_path: Path) -> None:
    write_study(tmp_path, 900_950, ("A4C",), "hard", {"ef": 55, "ivsd": 12, "edv": 90}, rows=150, columns=200)
    assert (tmp_path / "A4C.dcm").read_bytes() == (study / "A4C.dcm").read_bytes()


def test_no_clip_of_another_heart_stays_in_the_folder(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    (folder / "PLAX.dcm").write_bytes(b"not ours: no run of ours wrote it")
    write_study(folder, 900_951, ("A4C",), "easy", {}, rows=150, columns=200)
    shown = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert shown == {"A4C.dcm", "A4C-truth.nrrd", "truth.json", "PLAX.dcm"}


@pytest.mark.parametrize("name", ["A4C.dcm", "truth.json", "A4C-truth.nrrd"])
def test_a_users_own_file_is_never_simulated_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("echoapex.simulation.simulated_study.simulate_clip", lambda *_, **__: pytest.fail("worked"))
    (tmp_path / name).write_text('{"expert reading": "EF 55"}', encoding="utf-8")
    with pytest.raises(EchoApexError, match=rf"{name}: .*none that EchoApex wrote, and is not replaced"):
        write_study(tmp_path, 900_951, ("A4C",), "easy", {}, rows=150, columns=200)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert "EF 55" in (tmp_path / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("views", "rule"),
    [(("A4C", "A4C"), "each once"), ((), "at least one view"), (("A4C", "PLAXX"), r"one of A4C, A2C.*PLAXX")],
)
def test_views_that_make_no_study_are_refused(views: tuple[str, ...], rule: str, tmp_path: Path) -> None:
    with pytest.raises(EchoApexError, match=rule):
        write_study(tmp_path / "study", 1, views, "easy", {})
    assert not (tmp_path / "study").exists()


def test_a_study_that_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["simulate", "--out", str(tmp_path / "file" / "study")]) == 1
    told, refusal = capsys.readouterr().err.splitlines()
    assert told == "echoapex: simulating one heart in A4C, A2C" and "cannot be written" in refusal


def test_what_is_simulated_by_default_can_be_simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(simulation, "write_study", lambda out, seed, views, *rest, **others: asked.append(views) or [])
    assert main(["simulate", "--out", str(tmp_path)]) == 0
    assert asked[0] and set(asked[0]) <= set(VIEWS)


@pytest.mark.parametrize("wrong", [{"max_frames": 0}, {"beats": 0.0}, {"beats": float("nan")}, {"rows": 20}])
def test_a_clip_without_frames_or_room_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(EchoApexError, match="A simulated clip"):
        simulate_clip(draw_case("easy", 3), "A4C", **wrong)


@pytest.mark.parametrize("name", list(PATHOLOGIES))
def test_a_pathology_can_be_simulated_and_overruled(name: str) -> None:
    case = study_case("easy", 3, {}, name)
    for field, value in PATHOLOGIES[name].items():
        assert getattr(case.shape, field) == value
    assert study_case("easy", 3, {"ef": 61.0}, name).shape.ef == pytest.approx(0.61)
    with pytest.raises(EchoApexError, match=r"one of concentric_hypertrophy.*gout"):
        study_case("easy", 3, {}, "gout")


def test_a_clip_knows_its_r_waves() -> None:
    clip = simulate_clip(draw_case("easy", 3), "A4C", rows=60, columns=80, beats=2.3, sampling=TRAINING)
    waves = clip.r_wave_frames()
    assert waves[0] == 0
    period = 60 / clip.case.shape.heart_rate / clip.frame_time_s
    assert np.diff(waves) == pytest.approx(period, abs=1)
    volumes = clip.volumes_ml()
    assert volumes[waves] == pytest.approx(volumes.max(), rel=0.03)
