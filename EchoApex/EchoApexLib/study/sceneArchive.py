"""Scenes in archives (``.mrb``) from elsewhere: Slicer would write wherever an archive says, so we unpack it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote
from xml.parsers.expat import ExpatError, ParserCreate

from echoapex.errors import ReadError
from echoapex.io.archives import unpack
from echoapex.io.paths_below import is_below

_MOST_BYTES = 256 * 2**20
_FILE = re.compile(r"fileName|fileListMember\d*|uri|uriListMember\d*")
"""Attributes with which a storage node names its files."""


def unpackScene(path: Path, folder: Path) -> Path:
    """Unpacks the archive at ``path`` into the empty ``folder``; gives its one ``.mrml``.

    Raises `ReadError` as `unpack`, for an archive without a scene or with several, and for a scene that would read
    files from elsewhere.
    """
    scenes = [file for file in unpack(path, folder) if file.suffix.lower() == ".mrml"]
    if len(scenes) != 1:
        raise ReadError("An archive of Slicer holds one scene", value=f"{len(scenes)} scenes", file=path)
    (scene,) = scenes
    if scene.stat().st_size > _MOST_BYTES:
        raise ReadError(f"A scene takes at most {_MOST_BYTES:,} bytes", value=f"{scene.stat().st_size:,}", file=path)
    _checkFiles(scene.read_bytes(), path)
    return scene


def _checkFiles(data: bytes, path: Path) -> None:
    """Looks at the scene with the same kind of parser that Slicer has."""
    parser = ParserCreate()
    parser.StartElementHandler = lambda _name, attributes: _checkAttributes(attributes, path)
    parser.StartDoctypeDeclHandler = lambda *_: _refuseDoctype(path)
    try:
        parser.Parse(data, True)
    except ExpatError as error:
        raise ReadError("The scene in this archive is damaged", value=error, file=path) from None


def _checkAttributes(attributes: Mapping[str, str], path: Path) -> None:
    for attribute, value in attributes.items():
        # Slicer writes names with what is special in them as %20.
        name = unquote(value)
        if _FILE.fullmatch(attribute) and name and (attribute.startswith("uri") or not is_below(name)):
            raise ReadError("A scene reads files of its own archive only", value=name, file=path)


def _refuseDoctype(path: Path) -> None:
    raise ReadError("A scene declares nothing of its own", value="a document type", file=path)
