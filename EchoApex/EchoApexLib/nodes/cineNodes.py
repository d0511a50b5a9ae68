"""Nodes that belong to one cine: its browser refers to them, so that they are found again in a scene read back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def samePlaceNode(scene: Any) -> Iterator[None]:
    """Leaves the node that clicks of Slicer's place mode go to; Slicer would take any markups node that is added."""
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    name, active = (
        (None, None)
        if selection is None
        else (selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID())
    )
    yield
    if active is not None:
        selection.SetReferenceActivePlaceNodeClassName(name)
        selection.SetActivePlaceNodeID(active)


def ownedNode(browser: Any, role: str, className: str, name: str) -> Any:
    """The node that ``browser`` refers to under ``role``; a new one of this class where there is none (any more)."""
    node = browser.GetNodeReference(role)
    if node is None:
        with samePlaceNode(browser.GetScene()):
            node = browser.GetScene().AddNewNodeByClass(className, name)
        browser.SetNodeReferenceID(role, node.GetID())
    return node


def isShown(browser: Any, scene: Any) -> bool:
    """Whether ``browser`` still is in ``scene`` with its cine: neither was removed, nor the scene closed."""
    return bool(scene.IsNodePresent(browser)) and browser.GetMasterSequenceNode() is not None
