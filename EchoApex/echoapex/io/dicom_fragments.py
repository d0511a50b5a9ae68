"""Frames out of encapsulated pixel data (DICOM PS3.5 A.4): by where images begin, not by what a header says of them."""

from __future__ import annotations

from pathlib import Path

from ..errors import ReadError
from .jpeg_color import split_images, starts_image, syntaxes_of

ITEM = b"\xfe\xff\x00\xe0"
RLE = "1.2.840.10008.1.2.5"
_RLE_SEGMENTS = 15  # PS3.5 G.5: at most; the first one begins behind the 64 bytes of the header
_RLE_FIRST = (64).to_bytes(4, "little")


def split_frames(data: bytes, stated: int | None, *, jpeg: bool, path: Path) -> list[bytes]:
    """The compressed frames, as many as are there; ``stated`` is NumberOfFrames, ``jpeg`` is false for RLE.

    Offset tables are not looked at: often they are wrong, and never needed. RLE has one fragment for each frame; each
    image of the JPEG family begins with its own marker. Raises `ReadError` where the fragments cannot be told apart.
    """
    fragments = [part for part in read_fragments(data, path) if part]
    if not jpeg:
        return fragments
    parts = [image for part in fragments for image in split_images(part)]
    # One fragment for each frame: a damaged one among them does not belong to the frame before.
    if len(parts) == stated and not _in_equal_runs(parts):
        return parts
    frames: list[list[bytes]] = []
    for part in parts:
        if not frames or starts_image(part):
            frames.append([])
        frames[-1].append(part)
    return [b"".join(pieces) for pieces in frames]


def _in_equal_runs(parts: list[bytes]) -> bool:
    """Whether every second, third, ... fragment begins an image and no other does: each image lies in several."""
    starts = [at for at, part in enumerate(parts) if starts_image(part)]
    step = len(parts) // len(starts) if starts else 1
    return step > 1 and starts == list(range(0, len(parts), step))


def read_fragments(data: bytes, path: Path) -> list[bytes]:
    """All fragments after the offset table; raises `ReadError` when the items are damaged or cut short."""
    from pydicom.encaps import generate_fragments

    try:
        return list(generate_fragments(data))[1:]
    except (ValueError, EOFError, TypeError, KeyError) as error:
        raise ReadError("The compressed pixel data are damaged", value=type(error).__name__, file=path) from error


def syntaxes_of_frames(data: bytes, path: Path) -> tuple[str, ...]:
    """The transfer syntaxes that encapsulated frames may have by their first bytes; none where they cannot be known."""
    try:
        fragments = read_fragments(data, path) if data.startswith(ITEM) else []
    except ReadError:
        return ()
    first = next((part for part in fragments if starts_image(part)), b"")
    return syntaxes_of(first) or ((RLE,) if fragments and _is_rle(fragments[0]) else ())


def _is_rle(fragment: bytes) -> bool:
    return 1 <= int.from_bytes(fragment[:4], "little") <= _RLE_SEGMENTS and fragment[4:8] == _RLE_FIRST
