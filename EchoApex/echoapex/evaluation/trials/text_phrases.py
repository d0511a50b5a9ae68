"""Texts that name a structure, and texts that name none: committed phrases that no model is trained on."""

from __future__ import annotations

import json

from ... import resources
from ..trial_types import PhraseTrial
from .evaluated_model import Subject

FILE = "Evaluation/phrases.json"


def try_phrases(subject: Subject) -> list[PhraseTrial]:
    """Every phrase of the committed test."""
    return [PhraseTrial(text, means, subject.resolve(text) or "", kind) for text, means, kind in read_phrases()]


def read_phrases() -> list[tuple[str, str, str]]:
    """Text, the structure it means (empty for a foreign one) and what is hard about it."""
    test = json.loads(resources.path(FILE).read_text(encoding="utf-8"))["test"]
    known = [
        (text, structure, kind)
        for structure, kinds in test["phrases"].items()
        for kind, texts in kinds.items()
        for text in texts
    ]
    return known + [(text, "", kind) for kind, texts in test["foreign"].items() for text in texts]
