"""DICOM clips of an archive written without their patients: all that can be made safe, and none by halves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import EchoApexError, NotAClipError, OutputError
from ..io.deidentified_clip import UNWRITTEN, deidentify_clip, options_of
from ..io.deidentified_header import Profile
from ..io.output_folder import OutputFolder
from ..io.project_key import ProjectKey
from .archive import ArchiveClip, count, open_archive
from .shared_reading import ReadingTeam

SUMMARY_FILE = "deidentified.json"


@dataclass(frozen=True)
class Deidentified:
    """What was written, and how many clips were left out, or refused, for which reason."""

    files: tuple[Path, ...]
    left_out: Mapping[str, int]
    refused: Mapping[str, int]


@dataclass(frozen=True)
class _Refusal:
    reason: str
    failed: bool


def deidentify(
    sources: Sequence[Path],
    out: Path,
    key_file: Path,
    profile: Profile,
    *,
    workers: int = 1,
    progress: Callable[[str], None],
) -> Deidentified:
    """Writes each DICOM clip below ``out`` as ``PATIENT/STUDY/CLIP.dcm``, all of them pseudonyms.

    ``key_file`` is that of a `ProjectKey`, which is made where there is none. The output appears whole or not at all. A
    clip that cannot be read or made safe is refused with the reason, and does not stop the others. Raises
    `EchoApexError` where there is no clip or ``out`` cannot be written.
    """
    key = ProjectKey.kept_in(key_file, progress)
    with OutputFolder(out, "deidentified", (SUMMARY_FILE,)) as output, ReadingTeam(workers) as team:
        archive = open_archive(sources, key, team, progress)
        options = options_of(profile)

        def write(clip: ArchiveClip) -> list[_Refusal]:
            return [found for file in clip.files if (found := _write(clip, file)) is not None]

        def _write(clip: ArchiveClip, file: Path) -> _Refusal | None:
            name = clip.id if len(clip.files) == 1 else f"{clip.id}-{clip.files.index(file):05d}"
            target = output.staging / clip.patient / clip.study / f"{name}.dcm"
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                team.process.run(deidentify_clip, file, target.resolve(), key_file.resolve(), clip.patient, *options)
            except OSError as error:
                raise OutputError(UNWRITTEN, value=error.strerror, file=out) from None
            except OutputError:
                raise
            except EchoApexError as refusal:
                target.unlink(missing_ok=True)
                return _Refusal(refusal.rule, not isinstance(refusal, NotAClipError))
            return None

        refusals = []
        for done, found in enumerate(team.each(write, archive.clips), start=1):
            refusals += found
            if done % 20 == 0 or done == len(archive.clips):
                progress(f"{done} of {len(archive.clips)} clips")
        refused = count(found.reason for found in refusals if found.failed)
        others = [reason for reason, number in archive.left_out.items() for _ in range(number)]
        left_out = count([*others, *(found.reason for found in refusals if not found.failed)])
        told = {"left_out": left_out, "refused": refused, "profile": options}
        try:
            (output.staging / SUMMARY_FILE).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise OutputError(UNWRITTEN, value=error.strerror, file=out) from None
        written = output.publish()
    return Deidentified(tuple(path for path in written if path.suffix == ".dcm"), left_out, refused)
