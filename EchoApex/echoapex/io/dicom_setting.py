"""Under which conditions a DICOM header says a clip was recorded: stage of a stress test, contrast agent, probe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..cine import Setting
from .quoting import quoted

if TYPE_CHECKING:
    from pydicom import Dataset

STRESS_UNNAMED = "of a stress test that is not named"
"""Stage of a clip whose protocol is a stress test and whose stage the header leaves open."""

# Names of the stage that is no stress, in which clips outside a stress test are recorded too (own collection).
_REST = re.compile(r"(at )?(rest|resting|baseline|base|ruhe|repos|pre[- ]?(exercise|stress|exercice)?)( ?\d+)?", re.I)
_STRESS = re.compile(r"\b(stress|dobutamin\w*|exercise|treadmill|ergomet\w*|dse|dipyridamol\w*|adenosin\w*)\b", re.I)
_LONGEST_NAME = 64  # characters of a DICOM long string (LO)
_CONTRAST = re.compile(r"\b(contrast|lvo|opacification|bubbles?)\b", re.I)
_NO_AGENT = ("", "none", "no", "n", "n/a", "0")
_TRANSESOPHAGEAL = re.compile(r"\b(tee|toe)\b|trans-?o?esophageal", re.I)
_ROTATED = re.compile(r"\brotat(ed|ion)\b", re.I)
# Transesophageal transducer and approach: DICOM CID 12035, SNOMED CT.
_TRANSESOPHAGEAL_CODES = ("125262", "103383005", "105376000", "443698002")
_PROTOCOLS = ("ProtocolName", "AcquisitionProtocolName", "PerformedProtocolCodeSequence")
_PROBES = (
    *("TransducerData", "TransducerPosition", "TransducerPositionSequence", "TransducerGeometryCodeSequence"),
    *("TransducerApplicationCodeSequence", "TransducerOrientation", "TransducerOrientationSequence"),
    *("TransducerOrientationModifierSequence", "ViewName", "ViewCodeSequence"),
)


def find_setting(header: Dataset) -> Setting:
    """Stage, contrast and probe; what the header leaves open counts as the usual: at rest, none, transthoracic."""
    protocol = " ".join(_texts(header, _PROTOCOLS))
    return Setting(
        stage=_stage(header, protocol),
        contrast=_has_agent(header) or bool(_CONTRAST.search(protocol)),
        probe=_probe(header, protocol),
        protocol=_name(" ".join(_texts(header, ("ProtocolName",)))),
    )


def setting_facts(setting: Setting) -> dict[str, object]:
    """A setting that was read from a header, in the keys of ``echoapex info``."""
    return {
        "stage": setting.stage or "rest",
        "protocol": setting.protocol or None,
        "contrast": setting.contrast,
        "probe": setting.probe or "transthoracic",
    }


def _stage(header: Dataset, protocol: str) -> str:
    name = _name(" ".join(_texts(header, ("StageName", "StageCodeSequence")))).casefold()
    if _REST.fullmatch(name):
        return ""
    if name:
        return name
    number, count = (str(header.get(key) or "").strip() for key in ("StageNumber", "NumberOfStages"))
    if number and count not in ("", "1"):
        return number
    return STRESS_UNNAMED if _STRESS.search(protocol) else ""


def _name(text: str) -> str:
    """A name of a stage or protocol as it may be shown: on one line, and nothing that is none."""
    name = " ".join(text.split())
    return name if len(name) <= _LONGEST_NAME and name.isprintable() else quoted(name)


def _has_agent(header: Dataset) -> bool:
    named = str(header.get("ContrastBolusAgent") or "").strip().casefold() not in _NO_AGENT
    return named or bool(header.get("ContrastBolusAgentSequence"))


def _probe(header: Dataset, protocol: str) -> str:
    texts = " ".join((protocol, *_texts(header, _PROBES)))
    kind, region = str(header.get("TransducerType") or ""), [str(part) for part in header.get("ImageType") or ()][2:3]
    inside = kind.startswith("ENDOCAV") or region == ["TEE"] or any(code in texts for code in _TRANSESOPHAGEAL_CODES)
    if inside or _TRANSESOPHAGEAL.search(texts):
        return "transesophageal"
    if kind.startswith("IV_") or region == ["INTRACARDIAC"]:
        return "intracardiac"
    return "rotated" if _ROTATED.search(texts) else ""


def _texts(header: Dataset, names: tuple[str, ...]) -> Iterator[str]:
    """What fields say in words: values, and codes with their meanings."""
    for name in names:
        value = header.get(name)
        if name.endswith("Sequence"):
            for item in value or ():
                yield f"{item.get('CodeValue', '')} {item.get('CodeMeaning', '')}"
        elif value:
            yield " ".join(map(str, value)) if not isinstance(value, str) else value
