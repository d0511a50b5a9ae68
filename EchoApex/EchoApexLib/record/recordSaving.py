"""Text nodes of a scene that hold records (`clipRecords`), which browsers refer to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from echoapex.errors import ReadError
from echoapex.io.json_shapes import check_shape
from echoapex.io.untrusted_json import parse_json

from .recordShapes import CLIP_RECORD, SCHEMA, STUDY_RECORD

RECORD = "EchoApex.Record"
"""Role under which a browser refers to the record of its clip, and attribute of text nodes that hold one."""

CLIP, STUDY = "clip", "study"
"""What a record is about: the values of that attribute."""

_SHAPES = {CLIP: CLIP_RECORD, STUDY: STUDY_RECORD}


def addTextNode(scene: Any, name: str) -> Any:
    """An empty ``vtkMRMLTextNode`` whose text is saved in a file of its own."""
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", name)
    node.SetForceCreateStorageNode(True)
    return node


def addRecord(scene: Any, name: str, about: str, record: Mapping[str, Any]) -> Any:
    """A text node with ``record`` as JSON; ``about`` is `CLIP` or `STUDY`."""
    node = addTextNode(scene, name)
    node.SetAttribute(RECORD, about)
    node.SetText(json.dumps(record, ensure_ascii=False, allow_nan=False))
    return node


def recordOf(node: Any, about: str = CLIP) -> dict[str, Any]:
    """The record in a text node, about a `CLIP` or a `STUDY`; its entries have the types that they must have.

    Raises `ReadError` for one that is damaged, of another schema, or about something else.
    """
    rule = "A record of this scene is damaged"
    try:
        found = parse_json(node.GetText() if node.IsA("vtkMRMLTextNode") else None, rule, kind=ReadError)
        if not isinstance(found, dict) or found.get("schema") != SCHEMA:
            raise ReadError(f"Only records of schema {SCHEMA} can be read", value=node.GetName())
        check_shape(found, _SHAPES[about], rule, kind=ReadError)
    except ReadError as refusal:
        named = refusal.value if refusal.rule != rule else f"{node.GetName()}: {refusal.value}"
        raise ReadError(refusal.rule, value=named) from None
    return found
