"""Stand-ins offer only names that Python reaches in Slicer: a panel that runs in the Host asks for nothing invented."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

MANIFEST = json.loads((Path(__file__).resolve().parents[1] / "Host" / "slicer_api.json").read_text(encoding="utf-8"))
# The manifest was read from headers; these are added elsewhere, and Slicer's own slicer/util.py calls them.
CALLED_BY_UTIL = ("testingEnabled", "widgetRepresentation", "createNewWidgetRepresentation")
KINDS = ("properties", "signals", "slots", "invokable", "enumerators")


def standIns() -> dict[str, type]:
    """All stand-ins of classes, those that are reached only through others included."""
    import slicerhost.host as starting
    from slicerhost.widgets_ctk import CTK_WIDGETS

    listed = CTK_WIDGETS | starting.SLICER_CLASSES
    ours = {kind for one in listed.values() for kind in one.__mro__ if kind.__module__.startswith("slicerhost.")}
    return {kind.__name__: kind for kind in ours if not kind.__name__.startswith("_")}


def ancestors(name: str) -> list[str]:
    """A class of the manifest and all its bases; those of Qt are names that the manifest does not have."""
    entry = MANIFEST["widgets"].get(name, {})
    return [name, *(above for base in entry.get("bases", []) for above in ancestors(base))]


def named(name: str, kinds: tuple[str, ...] = KINDS) -> set[str]:
    entries = [MANIFEST["widgets"].get(above, {}) for above in ancestors(name)]
    return {member for entry in entries for kind in kinds for member in entry.get(kind, [])}


def publicNames(kind: type) -> dict[str, Any]:
    """What a class itself defines for others; Qt's own members that it overrides are not counted."""
    inherited = {name for base in kind.__mro__ if base.__module__.startswith("PySide6.") for name in dir(base)}
    own = {name: value for name, value in vars(kind).items() if not name.startswith("_")}
    known = {"staticMetaObject", *CALLED_BY_UTIL}
    return {name: value for name, value in own.items() if name not in inherited | known}


def test_every_stand_in_is_a_class_of_the_manifest(host: Any) -> None:
    assert len(standIns()) > 30
    assert set(standIns()) <= set(MANIFEST["widgets"])


def test_no_stand_in_offers_a_name_that_slicer_lacks(host: Any) -> None:
    invented = {name: set(publicNames(kind)) - named(name) for name, kind in standIns().items()}
    assert {name: names for name, names in invented.items() if names} == {}


@pytest.mark.parametrize("name", CALLED_BY_UTIL)
def test_names_that_the_manifest_lacks_are_called_by_slicer_itself(host: Any, name: str) -> None:
    import slicer

    assert f".{name}(" in Path(slicer.util.__file__).read_text(encoding="utf-8")


def test_properties_are_properties_and_methods_are_methods(host: Any) -> None:
    from PySide6 import QtCore

    wrong = []
    for name, kind in standIns().items():
        methods, properties = named(name, ("slots", "invokable")), named(name, ("properties",))
        for member, value in publicNames(kind).items():
            if isinstance(value, QtCore.Property) and member not in properties:
                wrong.append(f"{name}.{member} is no property")
            elif isinstance(value, QtCore.Signal) and member not in named(name, ("signals",)):
                wrong.append(f"{name}.{member} is no signal")
            elif inspect.isfunction(value) and member not in methods:
                wrong.append(f"{name}.{member} is no method")
    assert wrong == []


def test_stand_ins_have_the_base_class_of_qt_that_slicer_s_have(host: Any) -> None:
    wrong = {}
    for name, kind in standIns().items():
        ours = next(base.__name__ for base in kind.__mro__ if base.__module__.startswith("PySide6."))
        theirs = [above for above in ancestors(name) if above not in MANIFEST["widgets"]]
        if theirs and ours not in theirs and theirs[0] != "QVTKOpenGLNativeWidget":
            wrong[name] = (ours, theirs)
    assert wrong == {}


def parameterNames(signature: str) -> list[str]:
    """The names of parameters in a signature of the manifest, whose annotations this Python need not know."""
    code = compile(f"from __future__ import annotations\ndef function{signature}: ...", "manifest", "exec")
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102 (the manifest is part of the repository)
    return list(inspect.signature(space["function"]).parameters)


@pytest.mark.parametrize("part", ["DICOMLib", "ScriptedLoadableModule", "i18n", "packaging", "parameterNodeWrapper"])
def test_functions_of_slicer_s_python_part_are_called_as_there(host: Any, part: str) -> None:
    name = part if part == "DICOMLib" else f"slicer.{part}"
    module, known = importlib.import_module(name), MANIFEST["python"][part]
    for name in offered(module):
        value = getattr(module, name)
        members = {name: value} if inspect.isfunction(value) else vars(value)
        signatures = {name: known[name]} if inspect.isfunction(value) else known[name]
        for member, function in members.items():
            if inspect.isfunction(function) and (not member.startswith("_") or member == "__init__"):
                assert list(inspect.signature(function).parameters) == parameterNames(signatures[member]), member


def offered(module: Any) -> list[str]:
    """What a stand-in of a module defines itself for others."""
    listed = getattr(module, "__all__", None)
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return list(listed) if listed is not None else [name for name in own if not name.startswith("_")]


def test_what_has_no_stand_in_says_so(host: Any) -> None:
    import ctk
    import slicer

    with pytest.raises(NotImplementedError, match=r"ctk\.ctkRangeWidget has no stand-in in the Host"):
        ctk.ctkRangeWidget()
    with pytest.raises(NotImplementedError, match=r"slicer\.qMRMLThreeDWidget has no stand-in in the Host"):
        slicer.qMRMLThreeDWidget()
    with pytest.raises(AttributeError):
        slicer.nothingOfTheKind  # noqa: B018
