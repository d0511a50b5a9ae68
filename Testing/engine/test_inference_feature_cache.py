"""Encoded frames on disk: found again, bounded, cleared, never of another cine or model, and no reason to stop."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from store_cases import CARD, tiny_segmenter

from echoapex.cine import Cine, FrameTimes, Scale, ScaleSource, Sector
from echoapex.inference.encoding import EncodedCine
from echoapex.inference.feature_cache import CACHE_VARIABLE, FeatureCache, cache_folder
from echoapex.models.model_loading import LoadedModel, load_model, save_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("saved") / CARD.id
    save_model(folder, tiny_segmenter(), CARD)
    return load_model(folder, "cpu")


@pytest.fixture
def cine() -> Cine:
    frames = np.random.default_rng(4).integers(0, 256, (6, 40, 50)).astype(np.uint8)
    sector = Sector.whole_frame(40, 50)
    return Cine(frames, FrameTimes.unknown("a test"), Scale.none("a test"), sector, path=Path("Roe^Jane.dcm"))


@pytest.fixture
def encoded_frames(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many frames the network has encoded, one entry a call."""
    calls: list[int] = []
    encode = model.model.encode

    def counted(images: torch.Tensor):
        calls.append(len(images))
        return encode(images)

    monkeypatch.setattr(model.model, "encode", counted)
    return calls


def embedding(model: LoadedModel, cine: Cine, disk: FeatureCache | None, frames: list[int]) -> torch.Tensor:
    return EncodedCine(model, cine, disk=disk).features(frames).embedding


def test_what_was_encoded_is_found_again(
    model: LoadedModel, cine: Cine, tmp_path: Path, encoded_frames: list[int]
) -> None:
    first = embedding(model, cine, FeatureCache(tmp_path), [0, 3])
    later = FeatureCache(tmp_path)
    again = embedding(model, cine, later, [3, 0, 5])
    assert encoded_frames == [2, 1]
    assert torch.equal(again[:2], first[[1, 0]])
    assert torch.equal(first, embedding(model, cine, None, [0, 3])), "the same as without a cache"
    assert later.size_bytes == sum(file.stat().st_size for file in tmp_path.rglob("*.safetensors"))
    assert not any("Roe" in str(path) for path in tmp_path.rglob("*"))


def test_another_cine_scale_sector_or_model_is_another(
    model: LoadedModel, cine: Cine, tmp_path: Path, encoded_frames: list[int]
) -> None:
    embedding(model, cine, FeatureCache(tmp_path), [0])
    brighter = cine.frames.copy()
    brighter[5, 0, 0] ^= 1
    half = np.ones((40, 50), bool)
    half[:, :20] = False
    others = [
        replace(cine, frames=brighter),
        replace(cine, scale=Scale((0.5, 0.4), ScaleSource.USER)),
        replace(cine, sector=Sector.from_mask(half, "a test")),
    ]
    for other in others:
        embedding(model, other, FeatureCache(tmp_path), [0])
    foreign = replace(model, card=replace(model.card, weights_sha256="0" * 64))
    embedding(foreign, cine, FeatureCache(tmp_path), [0])
    assert encoded_frames == [1] * 5
    # Neither the name of the file nor the times change what the network sees.
    embedding(model, replace(cine, path=None, view="A4C"), FeatureCache(tmp_path), [0])
    assert encoded_frames == [1] * 5


def test_what_was_not_used_for_longest_makes_room(
    model: LoadedModel, cine: Cine, tmp_path: Path, encoded_frames: list[int]
) -> None:
    embedding(model, cine, FeatureCache(tmp_path), [0])
    size = FeatureCache(tmp_path).size_bytes
    cache = FeatureCache(tmp_path, most_bytes=3 * size + size // 2)
    for frame in (1, 2):
        embedding(model, cine, cache, [frame])
    for age, file in enumerate(sorted(tmp_path.rglob("*.safetensors"))):
        os.utime(file, (1_000_000 + age, 1_000_000 + age))
    embedding(model, cine, cache, [0])  # used again, so that frame 1 is the oldest
    embedding(model, cine, cache, [3])
    assert [file.stem for file in sorted(tmp_path.rglob("*.safetensors"))] == ["000000", "000002", "000003"]
    assert cache.size_bytes <= 3 * size + size // 2 and cache.problem == ""
    small = FeatureCache(tmp_path / "small", most_bytes=size // 2)
    embedding(model, cine, small, [0])
    assert small.size_bytes == 0 and small.problem == ""


def test_clearing_removes_all_that_is_ours(model: LoadedModel, cine: Cine, tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    embedding(model, cine, cache, [0, 1])
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.safetensors").write_bytes(b"mine")
    assert cache.size_bytes > 4
    cache.clear()
    assert cache.size_bytes == 0
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["notes", "mine.safetensors"]


@pytest.mark.parametrize("damage", [b"", b"\x08\0\0\0\0\0\0\0{}      ", b"garbage" * 50])
def test_a_damaged_file_is_encoded_anew(
    model: LoadedModel, cine: Cine, tmp_path: Path, encoded_frames: list[int], damage: bytes
) -> None:
    first = embedding(model, cine, FeatureCache(tmp_path), [0])
    (file,) = tmp_path.rglob("*.safetensors")
    file.write_bytes(damage)
    assert torch.equal(embedding(model, cine, FeatureCache(tmp_path), [0]), first)
    assert encoded_frames == [1, 1]
    assert torch.equal(embedding(model, cine, FeatureCache(tmp_path), [0]), first) and encoded_frames == [1, 1]


def test_a_full_disk_is_said_once_and_stops_nothing(
    model: LoadedModel, cine: Cine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    cache = FeatureCache(tmp_path)
    with monkeypatch.context() as patch:
        # The last thing that is done to a new file.
        patch.setattr(Path, "replace", full)
        found = embedding(model, cine, cache, [0, 1])
    assert torch.equal(found, embedding(model, cine, None, [0, 1]))
    assert "No space left on device" in cache.problem and str(tmp_path) in cache.problem
    assert cache.size_bytes == 0 and not [path for path in tmp_path.rglob("*") if path.is_file()]


def kept(cache: Path) -> Path:
    (file,) = cache.rglob("*.safetensors")
    return file


def changed(file: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    file.write_bytes(save(change(load(file.read_bytes()))))


FOREIGN: dict[str, Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]] = {
    "another grid": lambda held: held | {"embedding": torch.zeros(1, 256, 5, 5, dtype=torch.float16)},
    "another width": lambda held: held | {"cls": held["cls"][:, :-1].contiguous()},
    "two frames": lambda held: {name: torch.cat([value, value]) for name, value in held.items()},
    "another type": lambda held: {name: value.double() for name, value in held.items()},
    "whole numbers": lambda held: {name: value.to(torch.int16) for name, value in held.items()},
    "types mixed": lambda held: held | {"cls": held["cls"].float()},
    "a level missing": lambda held: {name: value for name, value in held.items() if name != "fine2"},
    "a level more": lambda held: held | {"fine3": held["fine2"].clone()},
    "not finite": lambda held: held | {"cls": held["cls"] * torch.nan},
    "something else": lambda held: {"weights": torch.zeros(3)},
    "too large": lambda held: held | {"more": torch.zeros(3_000_000)},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_this_model_would_not_have_made_is_encoded_anew(
    model: LoadedModel, cine: Cine, tmp_path: Path, encoded_frames: list[int], name: str
) -> None:
    cache = FeatureCache(tmp_path)
    first = embedding(model, cine, cache, [0])
    changed(kept(tmp_path), FOREIGN[name])
    assert torch.equal(embedding(model, cine, cache, [0]), first)
    assert torch.equal(embedding(model, cine, cache, [0]), first) and encoded_frames == [1, 1]
    assert cache.problem == ""


def test_what_half_precision_cannot_hold_is_kept_as_it_is(
    model: LoadedModel, cine: Cine, tmp_path: Path, encoded_frames: list[int]
) -> None:
    first = embedding(model, cine, FeatureCache(tmp_path), [0])
    changed(kept(tmp_path), lambda held: {name: value.float() for name, value in held.items()})
    assert torch.equal(embedding(model, cine, FeatureCache(tmp_path), [0]), first) and encoded_frames == [1]


posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")


@posix
def test_what_is_kept_is_for_this_user_alone(model: LoadedModel, cine: Cine, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        embedding(model, cine, FeatureCache(tmp_path / "cache"), [0])
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [tmp_path / "cache", *tmp_path.rglob("cache/*")]}
        assert set(modes.values()) == {0o700} and len(modes) == 2
        assert stat.S_IMODE(kept(tmp_path).stat().st_mode) == 0o600
        # As an earlier version has left it.
        kept(tmp_path).parent.chmod(0o777)
        embedding(model, cine, FeatureCache(tmp_path / "cache"), [1])
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("cache/*")} == {0o700}
    finally:
        os.umask(before)


@posix
def test_a_folder_that_is_a_link_is_not_used_and_said(
    model: LoadedModel, cine: Cine, tmp_path: Path, encoded_frames: list[int]
) -> None:
    other = FeatureCache(tmp_path / "other")
    embedding(model, cine, other, [0])
    (tmp_path / "link").symlink_to(tmp_path / "other")
    cache = FeatureCache(tmp_path / "link")
    embedding(model, cine, cache, [0, 1])
    assert encoded_frames == [1, 2] and len(list((tmp_path / "other").rglob("*.safetensors"))) == 1
    assert "link" in cache.problem and "is a link to another one" in cache.problem


@posix
def test_links_within_are_neither_read_nor_written_through(
    model: LoadedModel, cine: Cine, tmp_path: Path, encoded_frames: list[int]
) -> None:
    cache = FeatureCache(tmp_path / "cache")
    embedding(model, cine, cache, [0])
    file, precious = kept(tmp_path), tmp_path / "precious"
    file.rename(precious)
    file.symlink_to(precious)
    content = precious.read_bytes()
    embedding(model, cine, FeatureCache(tmp_path / "cache"), [0])
    assert encoded_frames == [1, 1] and precious.read_bytes() == content and not file.is_symlink()
    folder = file.parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    linked = FeatureCache(tmp_path / "cache")
    embedding(model, cine, linked, [0, 1])
    assert encoded_frames == [1, 1, 2] and "is a link" in linked.problem
    assert linked.size_bytes == 0
    linked.clear()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == [file.name]


@posix
def test_a_pipe_in_the_place_of_a_file_makes_nobody_wait(model: LoadedModel, cine: Cine, tmp_path: Path) -> None:
    first = embedding(model, cine, FeatureCache(tmp_path), [0])
    file = kept(tmp_path)
    file.unlink()
    os.mkfifo(file)
    assert torch.equal(embedding(model, cine, FeatureCache(tmp_path), [0]), first)
    assert kept(tmp_path).is_file()


def test_a_folder_that_cannot_be_made_stops_nothing(model: LoadedModel, cine: Cine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = FeatureCache(tmp_path / "file")
    assert embedding(model, cine, cache, [0]).shape[0] == 1
    assert cache.problem


def test_the_user_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine" == FeatureCache().folder
    monkeypatch.delenv(CACHE_VARIABLE)
    assert cache_folder().name in ("EchoApex", "Cache")
