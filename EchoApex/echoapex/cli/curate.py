"""The verb ``curate``: an archive of clips as shards of de-identified frames."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import Any

from ..console import print_json, print_record, say
from .shared_options import add_archive_options, add_verb, count, key_file_of, numbers, print_reasons

_SPLITS = "train=0.8,val=0.1,test=0.1"


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    text = "write the clips of an archive as shards of de-identified frames, for training"
    parser = add_verb(table, "curate", curate, text)
    add_archive_options(parser, "SHARDS")
    text = f"shares of the patients, each of whom is in one split alone (default: {_SPLITS})"
    parser.add_argument("--splits", type=_splits, default=_splits(_SPLITS), metavar="NAME=SHARE,...", help=text)
    text = "a shard ends with the clip that reaches so many megabytes (default: 256)"
    parser.add_argument("--shard-size", type=count, default=256, metavar="MB", help=text)
    text = "pixels of the longer side of a frame at most; larger ones are made smaller (default: 512)"
    parser.add_argument("--size", type=count, default=512, help=text)
    parser.add_argument("--every-frame", action="store_true", help="keep frames that look nearly like others, too")


def curate(chosen: Namespace) -> bool:
    """Writes shards, or goes on with them; false when a file could not be read."""
    from ..data.clip_frames import FrameSettings
    from ..data.curation import CurationSettings
    from ..data.curation import curate as write_shards
    from ..data.parquet_manifest import require_pyarrow
    from ..io.project_key import ProjectKey

    require_pyarrow()
    frames = FrameSettings(chosen.size, 1.0) if chosen.every_frame else FrameSettings(chosen.size)
    settings = CurationSettings(frames, chosen.splits, chosen.shard_size * 1_000_000)
    key = ProjectKey.kept_in(key_file_of(chosen), say)
    found = write_shards(chosen.paths, chosen.out, key, settings, workers=chosen.workers, progress=say)
    if chosen.json:
        told = {"out": found.folder, "counts": found.counts, "left_out": found.left_out, "failed": found.failed}
        print_json(told)
    else:
        print_record(found.counts)
        print_reasons({"left out": found.left_out, "failed": found.failed})
    return not found.failed


def _splits(text: str) -> dict[str, float]:
    """``NAME=SHARE``, separated by commas."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, equals, share = part.strip().partition("=")
        if not equals or name in found:
            raise ArgumentTypeError(f"names with shares are needed, each once, for example {_SPLITS} (found: {text})")
        (found[name],) = numbers(share, 1, "a share from 0 to 1")
    return found
