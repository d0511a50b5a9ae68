"""Says in words how the files of a study were told apart from others, and what was assumed.

Neither patients nor folders are named: folders of archives are often called like the patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .header_identity import WORDS
from .study_group import StudyGroup


def describe(group: StudyGroup, groups: Sequence[StudyGroup]) -> Iterator[str]:
    """Notes on one study among all that were found."""
    yield from _beside(group, groups)
    yield from _contradictions(group)
    yield from _assumptions(group, groups)
    yield from _spellings(group)


def _beside(group: StudyGroup, groups: Sequence[StudyGroup]) -> Iterator[str]:
    """What else lies in the folders of the group."""
    near = [other for other in groups if other.known and _share_a_folder(other, group)]
    patients = {other.patient for other in near}
    if len(near) > 1 and None in patients:
        yield f"One folder holds {len(near)} studies that do not all say whose they are; each is reported apart"
    elif len(patients) > 1:
        yield f"One folder holds files of {len(patients)} patients; each patient is reported apart"
    elif len(near) > 1 and not group.apart:
        yield f"One folder holds {len(near)} studies of one patient; each study is reported apart"
    if near and not group.known and group.folders:
        yield "These files do not say whose they are; they are reported apart from the others in their folder"


def _share_a_folder(one: StudyGroup, other: StudyGroup) -> bool:
    # A file that is cut short mixes nothing, but what lies beside it is worth a word.
    return bool(one.folders & {file.path.parent for file in other.files})


def _contradictions(group: StudyGroup) -> Iterator[str]:
    if not group.apart:
        return
    if group.study is not None:
        shared = "carry the same StudyInstanceUID"
    elif group.patient is not None:
        shared = "in this folder name the same patient and no StudyInstanceUID"
    else:
        shared = "in this folder do not say whose they are either"
    yield f"Other files {shared}, but differ in {_listed(WORDS[name] for name in group.apart)}; they are reported apart"


def _assumptions(group: StudyGroup, groups: Sequence[StudyGroup]) -> Iterator[str]:
    """What cannot be known of several files, and was assumed."""
    if group.study is not None:
        return
    several = len(group.files) > 1
    if not group.known:
        yield from _nameless(group, groups) if several else ()
    elif several:
        reason = "day of birth and of the examination" if len(group.folders) > 1 else "lie in one folder"
        yield (
            "These files carry no StudyInstanceUID; that they are one study is assumed, since they name the same "
            f"patient and {reason}"
        )
    if _is_placeholder(group) and any(_is_placeholder(other) and not other.folders & group.folders for other in groups):
        yield "The PatientID is a placeholder here as in other folders: it names nobody, and folders are kept apart"
    if group.known and any(_may_belong(group, other) for other in groups if other is not group):
        yield (
            "Files of the same PatientID lie in other folders too; without StudyInstanceUID, birth date and study date "
            "it cannot be known whether they are of this examination, and they are reported apart"
        )


def _is_placeholder(group: StudyGroup) -> bool:
    return not group.known and any(file.identity.placeholder for file in group.files)


def _nameless(group: StudyGroup, groups: Sequence[StudyGroup]) -> Iterable[str]:
    if any(other.known and _share_a_folder(other, group) for other in groups):
        return
    why = " (their PatientID is a placeholder)" if _is_placeholder(group) else ""
    yield (
        f"These files do not say whose they are{why}; it is assumed that they are one study: they are taken for one "
        "patient's, since they lie in one folder"
    )


def _may_belong(group: StudyGroup, other: StudyGroup) -> bool:
    """Whether another folder holds files of the same PatientID, and nothing says of which day."""
    if other.study is not None or other.folders & group.folders:
        return False
    return other.value("spelling") == group.value("spelling") is not None


def _spellings(group: StudyGroup) -> Iterator[str]:
    """How the numbers of one patient differ under one study number."""
    spellings = {file.identity.spelling for file in group.files} - {None}
    if len(spellings) < 2:
        return
    issuers = {file.identity.issuer for file in group.files if file.identity.spelling is not None}
    how = (
        "with and without its issuer"
        if len(issuers) > 1
        else "with other leading zeros, capital letters or punctuation"
    )
    yield (
        f"The PatientID of these files is written in {len(spellings)} ways ({how}); they carry the same "
        "StudyInstanceUID and are taken for one patient's"
    )


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
