"""Text nodes of a scene that hold records (`clipRecords`), which browsers refer to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from echoapex.errors import ReadError

from .clipRecords import SCHEMA

RECORD = "EchoApex.Record"
"""Role under which a browser refers to the record of its clip, and attribute of text nodes that hold one."""

CLIP, STUDY = "clip", "study"
"""What a record is about: the values of that attribute."""


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


def recordOf(node: Any) -> dict[str, Any]:
    """The record in a text node. Raises `ReadError` for one that is damaged or of another schema."""
    try:
        record = json.loads(node.GetText())
    except (TypeError, ValueError) as error:
        raise ReadError("A record of this scene is damaged", value=f"{node.GetName()}: {error}") from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise ReadError(f"Only records of schema {SCHEMA} can be read", value=node.GetName())
    return record
