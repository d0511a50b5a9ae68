"""Archives become shards: each file counted, no name anywhere, patients whole, the same shards after every kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from archive_cases import SURNAMES, content, write_archive
from io_writers import dicom, fan, fan_mask, save

from echoapex.cli import main
from echoapex.data.archive import COPY
from echoapex.data.clip_frames import FrameSettings, distinct_frames
from echoapex.data.curation import Curated, CurationSettings, curate
from echoapex.data.shard_folder import ShardFolder
from echoapex.data.shard_format import ClipRecord
from echoapex.data.shard_reading import open_shards, read_records
from echoapex.errors import EchoApexError
from echoapex.io.project_key import ProjectKey
from echoapex.io.text_free_sector import NO_BORDER, STILL, TRACE

KEY = ProjectKey(b"0123456789abcdef0123456789abcdef")
SMALL = CurationSettings(FrameSettings(64), {"train": 0.5, "val": 0.5}, shard_bytes=40_000)


def curated(source: Path, out: Path, *, workers: int = 1, settings: CurationSettings = SMALL) -> tuple[Curated, str]:
    """What became of it, and all that was said."""
    said: list[str] = []
    found = curate([source], out, KEY, settings, workers=workers, progress=said.append)
    return found, "\n".join(said)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("archive") / "Qxorlando")


@pytest.fixture(scope="module")
def shards(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Curated, str]:
    """The shards of the archive, which no test may change."""
    out = tmp_path_factory.mktemp("shards") / "out"
    return out, *curated(archive, out)


def test_each_file_is_counted_with_its_reason(shards: tuple[Path, Curated, str]) -> None:
    _, found, _ = shards
    assert found.counts["clips"] == 10, "eight clips, a video and the real cine"
    assert found.counts["mode"] == {"B": 10} and found.counts["modality"] == {"TTE": 8, "unknown": 2}
    assert found.counts["patients"] == 6
    assert found.counts["patients_known_by"] == {"PatientID": 5, "folder": 1}
    assert found.left_out[COPY] == found.left_out[NO_BORDER] == found.left_out[TRACE] == found.left_out[STILL] == 1
    for part in ("3D volume", "no format of a clip", "blank"):
        assert sum(times for rule, times in found.left_out.items() if part in rule) == 1, part
    assert sum(found.left_out.values()) == 7 and sum(found.failed.values()) == 1


def test_three_workers_write_the_same(archive: Path, shards: tuple[Path, Curated, str], tmp_path: Path) -> None:
    curated(archive, tmp_path / "out", workers=3)
    assert content(tmp_path / "out") == content(shards[0])


def test_no_name_of_anybody_is_written_or_said(archive: Path, shards: tuple[Path, Curated, str]) -> None:
    out, _, said = shards
    assert any(name in str(path) for path in archive.rglob("*") for name in SURNAMES)
    texts = {name: data.lower() for name, data in content(out).items()} | {"said": said.lower().encode()}
    for name, data in texts.items():
        for word in (*SURNAMES, "MRN-47", "19400203", "1.2.3.", "anna", archive.name):
            # The PNGs are noise, in which any four letters may stand.
            found = data if not name.endswith(".tar") else b"".join(_texts_of(out / name))
            assert word.lower().encode() not in found, (name, word)


def _texts_of(tar: Path) -> list[bytes]:
    with tarfile.open(tar) as members:
        return [
            member.name.encode() + (members.extractfile(member).read() if member.name.endswith("json") else b"")  # type: ignore[union-attr]
            for member in members
        ]


def test_any_reader_of_tars_finds_frames_with_facts(shards: tuple[Path, Curated, str]) -> None:
    out, found, _ = shards
    samples: dict[str, dict[str, bytes]] = {}
    for tar in sorted(out.glob("*.tar")):
        with tarfile.open(tar) as members:
            for member in members:
                key, _, ending = member.name.partition(".")
                samples.setdefault(key, {})[ending] = members.extractfile(member).read()  # type: ignore[union-attr]
    assert len(samples) == found.counts["frames"]
    for sample in samples.values():
        assert sample.keys() == {"png", "json"} and sample["png"].startswith(b"\x89PNG")
        assert {"clip", "patient", "study", "frame", "time_s", "sector"} <= json.loads(sample["json"]).keys()


def test_the_reader_gives_frames_within_their_sector(shards: tuple[Path, Curated, str]) -> None:
    opened = open_shards([shards[0]])
    assert opened.frame_count == shards[1].counts["frames"] == sum(1 for _ in opened.frames())
    for clip in opened.clips:
        frames, inside = clip.read_all(), clip.sector_mask()
        assert frames.shape == (len(clip), clip.record.rows, clip.record.columns) and max(frames.shape[1:]) <= 64
        assert (frames[:, inside] > 0).mean() > 0.5
        beyond = ~_grown(inside)
        assert not frames[:, beyond].any(), "but for the rim, which making smaller blurs, all else is black"
    splits = {clip.record.split for clip in opened.clips}
    assert splits == {"train", "val"} and len(opened.of("train").clips) + len(opened.of("val").clips) == 10
    with pytest.raises(EchoApexError, match="train, val"):
        opened.of("holdout")


def _grown(mask: np.ndarray) -> np.ndarray:
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def test_patients_are_whole(shards: tuple[Path, Curated, str]) -> None:
    splits: dict[str, set[str]] = {}
    for record in read_records(shards[0]):
        splits.setdefault(record.patient, set()).add(record.split)
    assert len(splits) == 6 and all(len(found) == 1 for found in splits.values())


def test_the_manifest_has_a_row_for_each_clip(shards: tuple[Path, Curated, str]) -> None:
    from pyarrow import parquet

    rows = parquet.read_table(shards[0] / "manifest.parquet").to_pylist()
    assert [ClipRecord(**row) for row in rows] == list(read_records(shards[0]))
    assert {row["mode"] for row in rows} == {"B", "spectral", "unknown"}


@pytest.mark.parametrize("stop", [2])
def test_a_run_that_was_ended_is_gone_on_with(
    archive: Path, shards: tuple[Path, Curated, str], tmp_path: Path, stop: int
) -> None:
    written: list[str] = []

    def end(text: str) -> None:
        written.extend([text] if text.endswith("clips") else [])
        if len(written) == stop:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        curate([archive], tmp_path / "out", KEY, SMALL, progress=end)
    with pytest.raises(EchoApexError, match="not complete"):
        open_shards([tmp_path / "out"])
    (tmp_path / "out" / "val-000007.tar").write_bytes(b"a tar whose list was not written")
    _, said = curated(archive, tmp_path / "out")
    assert "in shards already" in said
    assert content(tmp_path / "out") == content(shards[0])


def test_a_run_that_is_killed_leaves_what_can_be_gone_on_with(tmp_path: Path) -> None:
    source, out, key = tmp_path / "source", tmp_path / "out", tmp_path / "a.key"
    source.mkdir()
    key.write_text("ab" * 32)
    for number in range(6):
        save(dicom(fan(seed=number), PatientID=f"P-77{number}3"), source / f"{number}.dcm")
    command = ["curate", str(source), "--key", str(key), "--size", "64", "--json"]
    running = subprocess.Popen(
        [sys.executable, "-m", "echoapex", *command, "--out", str(out)],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    while not (out / "curation.json").exists() and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
    assert running.wait() != 0
    assert main([*command, "--out", str(out)]) == main([*command, "--out", str(tmp_path / "whole")]) == 0
    assert content(out) == content(tmp_path / "whole")


def test_what_is_there_is_not_done_again(archive: Path, shards: tuple[Path, Curated, str]) -> None:
    before = content(shards[0])
    found, said = curated(archive, shards[0])
    assert found == shards[1] and f"{found.counts['clips'] + 5} of" in said
    assert content(shards[0]) == before


# Bad input


def test_other_settings_are_refused_and_nothing_is_lost(archive: Path, shards: tuple[Path, Curated, str]) -> None:
    before = content(shards[0])
    with pytest.raises(EchoApexError, match="other files or settings"):
        curated(archive, shards[0], settings=replace(SMALL, shard_bytes=50_000))
    assert content(shards[0]) == before


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EchoApexError, match="no file that may be a clip"):
        curated(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "notes.txt").write_text("none")
    with pytest.raises(EchoApexError, match="no clip among these files"):
        curated(tmp_path / "empty", tmp_path / "out")


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.doc").write_text("mine")
    with pytest.raises(EchoApexError, match="none of a curation's"):
        curated(tmp_path, out)
    assert content(out) == {"thesis.doc": b"mine"}


def test_a_second_run_on_the_same_shards_is_refused(tmp_path: Path) -> None:
    with ShardFolder(tmp_path / "out"), pytest.raises(EchoApexError, match="Another run"):
        curated(tmp_path, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(EchoApexError, match="cannot be written"):
        curated(tmp_path, tmp_path / "file" / "out")


def test_splits_must_be_whole() -> None:
    for splits in ({}, {"train": 0.5}, {"train": 1.5, "val": -0.5}, {"../train": 1.0}):
        with pytest.raises(EchoApexError):
            CurationSettings(splits=splits)


def test_the_key_must_not_lie_in_the_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["curate", str(tmp_path), "--out", str(out), "--key", str(out / "my.key")]) == 1
    assert "must not lie in the output" in capsys.readouterr().err and not out.exists()


# Thinning


@pytest.mark.parametrize("verb", ["curate", "deidentify"])
def test_no_key_is_made_where_the_work_cannot_begin(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a file"
    file.write_text("mine")
    assert main([verb, str(tmp_path / "gone"), "--out", str(tmp_path / "out")]) == 1
    assert main([verb, str(tmp_path), "--out", str(file)]) == 1
    assert main([verb, str(tmp_path), "--out", str(tmp_path / "out")]) == 1, "no clip"
    told = capsys.readouterr().err
    assert "There is no such file" in told and "must be a folder" in told and "no clip among these" in told
    assert [path.name for path in tmp_path.iterdir()] == ["a file"] and file.read_text() == "mine"


def test_frames_that_look_like_others_are_left_out() -> None:
    random = np.random.default_rng(1)
    coarse = random.integers(40, 200, (5, 12, 16)).astype(np.uint8)
    scenes = np.where(fan_mask(), np.kron(coarse, np.ones((8, 8), np.uint8)), 0)
    noise = random.integers(0, 30, (15, 96, 128)).astype(np.uint8)
    frames = np.repeat(scenes, 3, axis=0).astype(np.uint8) // 2 + noise
    assert distinct_frames(frames, 0.97) == (0, 3, 6, 9, 12), "one of each, whatever the noise"
    assert distinct_frames(np.concatenate([frames, frames]), 0.97) == (0, 3, 6, 9, 12), "a second beat adds none"
    assert distinct_frames(frames, 1.0) == tuple(range(15))
