"""From an archive to shards: every clip read, classified, de-identified, cropped and thinned; patients stay whole.

The shards of one archive, key and choice are the same bit for bit, whatever the number of workers, and also where the
run was killed and gone on with: clips go into shards in the order of a plan, and a shard is there whole or not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import EchoApexError
from ..io.project_key import ProjectKey
from .archive import Archive, ArchiveClip, KnownBy, count, open_archive
from .clip_encoding import encode_clip
from .clip_frames import FrameSettings
from .parquet_manifest import require_pyarrow, write_manifest
from .shard_folder import ShardFolder, shard_name
from .shard_format import PARQUET_FILE, SHARD_NAME, ClipRecord, json_line
from .shard_reading import read_records
from .shard_writing import EncodedClip, ShardWriter
from .shared_reading import ReadingTeam

SPLITS: Mapping[str, float] = {"train": 0.8, "val": 0.1, "test": 0.1}
"""Which share of the patients goes where."""


@dataclass(frozen=True)
class CurationSettings:
    """What is taken of frames, ``splits`` with their shares of the patients, from how many bytes on a shard ends."""

    frames: FrameSettings = field(default_factory=FrameSettings)
    splits: Mapping[str, float] = field(default_factory=lambda: dict(SPLITS))
    shard_bytes: int = 256_000_000

    def __post_init__(self) -> None:
        shares = list(self.splits.values())
        if not shares or min(shares) < 0 or abs(sum(shares) - 1) > 1e-9:
            raise EchoApexError("The shares of the splits are from 0 to 1, and 1 together", value=shares)
        for name in self.splits:
            if SHARD_NAME.fullmatch(f"{name}-000000.tar") is None:
                raise EchoApexError("A split is named by small letters, digits and underscores", value=name)


@dataclass(frozen=True)
class Curated:
    """What came of it: counts of clips and frames, and how many files were left out, or failed, for which reason."""

    folder: Path
    counts: Mapping[str, Any]
    left_out: Mapping[str, int]
    failed: Mapping[str, int]


def curate(
    sources: Sequence[Path],
    out: Path,
    key: ProjectKey,
    settings: CurationSettings | None = None,
    *,
    workers: int = 1,
    progress: Callable[[str], None],
) -> Curated:
    """Writes the clips of an archive as shards to ``out``, or goes on where a run before was ended.

    A clip that cannot be read or made safe does not stop the others: it is listed with the reason. Raises
    `EchoApexError` where there is no clip, or where ``out`` cannot be written or holds anything else.
    """
    require_pyarrow()
    chosen = settings or CurationSettings()
    with ShardFolder(out) as folder, ReadingTeam(workers) as team:
        archive = open_archive(sources, key, team, progress)
        planned = _planned(archive, key, chosen)
        told = {"frames": asdict(chosen.frames), "splits": dict(chosen.splits), "shard_bytes": chosen.shard_bytes}
        plan = _digest(planned, told, key)
        try:
            folder.begin(plan, told)
            _write_shards(folder, planned, team, key, chosen, progress)
            curated = _summary(out, archive)
            write_manifest(out / PARQUET_FILE, read_records(out))
            folder.note(plan, told, curated.counts, curated.left_out, curated.failed)
        except OSError as error:
            rule = "The shards cannot be written; what is written stays, and the same command goes on with it"
            raise EchoApexError(rule, value=error.strerror or type(error).__name__, file=out) from None
    return curated


@dataclass(frozen=True)
class _Planned:
    clip: ArchiveClip
    split: str


def _planned(archive: Archive, key: ProjectKey, settings: CurationSettings) -> list[_Planned]:
    """The clips by split; within one by their ids, which are as good as random."""
    found = [_Planned(clip, _split_of(clip.patient, key, settings.splits)) for clip in archive.clips]
    order = list(settings.splits)
    return sorted(found, key=lambda planned: (order.index(planned.split), planned.clip.id))


def _split_of(patient: str, key: ProjectKey, splits: Mapping[str, float]) -> str:
    """The split of a patient, which by one key is the same in every archive."""
    drawn, reached = key.share("split", patient), 0.0
    for name, share in splits.items():
        reached += share
        if drawn < reached:
            return name
    return [name for name, share in splits.items() if share > 0][-1]


def _digest(planned: Sequence[_Planned], told: Mapping[str, Any], key: ProjectKey) -> str:
    """Names the plan: which files of which size and time, how they are to be treated, and by which version."""
    digest = hashlib.sha256(json_line({"version": __version__, **told}))
    for one in planned:
        facts = [one.clip.id, one.clip.patient, one.clip.study, one.split, *map(_state_of, one.clip.files)]
        digest.update("\0".join(facts).encode() + b"\n")
    return key.name("plan", digest.hexdigest())


def _state_of(file: Path) -> str:
    try:
        status = file.stat()
    except OSError:  # it speaks when it is read
        return "gone"
    return f"{status.st_size}:{status.st_mtime_ns}"


def _write_shards(
    folder: ShardFolder,
    planned: Sequence[_Planned],
    team: ReadingTeam,
    key: ProjectKey,
    settings: CurationSettings,
    progress: Callable[[str], None],
) -> None:
    splits = [one.split for one in planned]
    place = folder.go_on(splits)
    at, number = place.first, place.number
    if at:
        progress(f"{at} of {len(planned)} clips are in shards already")

    def encode(one: _Planned) -> EncodedClip:
        return encode_clip(one.clip, one.split, team.process, key, settings.frames)

    clips = team.each(encode, planned[at:])
    while at < len(planned):
        split = splits[at]
        after = _write_shard(folder, clips, splits, at, shard_name(split, number), settings.shard_bytes)
        progress(f"{after} of {len(planned)} clips")
        number = number + 1 if after < len(planned) and splits[after] == split else 0
        at = after


def _write_shard(
    folder: ShardFolder, clips: Iterator[EncodedClip], splits: Sequence[str], at: int, name: str, most: int
) -> int:
    """Writes one shard from the clip at a place of the plan on; gives the place behind it."""
    first, split = at, splits[at]
    writer = ShardWriter(folder.target, folder.drafts / f"{name}.tar", name, first)
    try:
        while at < len(splits) and splits[at] == split and writer.size < most:
            writer.add(next(clips))
            at += 1
        writer.close(at)
    except BaseException:
        writer.give_up()
        raise
    return at


def _summary(out: Path, archive: Archive) -> Curated:
    """What the lists of the shards say, once more: so a run that was gone on with counts all."""
    taken: list[ClipRecord] = []
    left_out, failed = list[str](), list[str]()
    for record in read_records(out):
        if record.left_out is None:
            taken.append(record)
        else:
            (failed if record.failed else left_out).append(record.left_out)
    counts: dict[str, Any] = {
        "clips": len(taken),
        "frames": sum(len(record.frames) for record in taken),
        "clips_left_out": len(left_out),
        "clips_failed": len(failed),
        "files_left_out": sum(archive.left_out.values()),
        "patients": len({clip.patient for clip in archive.clips}),
        "patients_known_by": _patients_known_by(archive),
    }
    for name in ("split", "modality", "mode"):
        counts[name] = count(getattr(record, name) for record in taken)
    counts["patients_in_split"] = count(split for split, _ in {(one.split, one.patient) for one in taken})
    merged = count([*left_out, *(reason for reason, times in archive.left_out.items() for _ in range(times))])
    return Curated(out, counts, merged, count(failed))


def _patients_known_by(archive: Archive) -> dict[str, int]:
    known = {clip.patient: clip.known_by for clip in archive.clips}
    return {by.value: number for by in KnownBy if (number := list(known.values()).count(by))}
