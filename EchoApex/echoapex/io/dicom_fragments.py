"""Frames out of encapsulated pixel data (DICOM PS3.5 A.4): by where images begin, not by what a header says of them."""

from __future__ import annotations

from pathlib import Path

from ..errors import ReadError
from .jpeg_color import starts_image, syntax_of

ITEM = b"\xfe\xff\x00\xe0"


def split_frames(data: bytes, stated: int | None, *, jpeg: bool, path: Path) -> list[bytes]:
    """The compressed frames, as many as are there; ``stated`` is NumberOfFrames, ``jpeg`` is false for RLE.

    Offset tables are not looked at: often they are wrong, and never needed. RLE has one fragment for each frame; each
    image of the JPEG family begins with its own marker. Raises `ReadError` where the fragments cannot be told apart.
    """
    fragments = [part for part in read_fragments(data, path) if part]
    if not jpeg or len(fragments) == stated:
        return fragments
    frames: list[list[bytes]] = []
    for part in fragments:
        if not frames or starts_image(part):
            frames.append([])
        frames[-1].append(part)
    return [b"".join(parts) for parts in frames]


def read_fragments(data: bytes, path: Path) -> list[bytes]:
    """All fragments after the offset table; raises `ReadError` when the items are damaged or cut short."""
    from pydicom.encaps import generate_fragments

    try:
        return list(generate_fragments(data))[1:]
    except (ValueError, EOFError, TypeError, KeyError) as error:
        raise ReadError("The compressed pixel data are damaged", value=type(error).__name__, file=path) from error


def hidden_syntax(data: bytes, path: Path) -> str | None:
    """The transfer syntax of compressed frames in what a header calls uncompressed, None where they are not."""
    if not data.startswith(ITEM):
        return None
    try:
        first = next(iter(read_fragments(data, path)), b"")
    except ReadError:
        return None
    return syntax_of(first)
