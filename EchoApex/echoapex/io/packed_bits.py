"""The bits of a mask as text for JSON: compressed by zlib, then base64."""

from __future__ import annotations

import base64
import zlib


def bits_to_text(bits: bytes) -> str:
    """``bits`` as ASCII text."""
    return base64.b64encode(zlib.compress(bits)).decode("ascii")


def bits_from_text(text: str, size: int) -> bytes:
    """The ``size`` bytes that `bits_to_text` wrote. Never unpacks more, whatever the text holds.

    Raises `ValueError` for another text: damaged, cut, or of another size.
    """
    unpacking = zlib.decompressobj()
    try:
        bits = unpacking.decompress(base64.b64decode(text, validate=True), size + 1)
    except zlib.error as error:
        raise ValueError(f"the bits of a mask are damaged: {error}") from None
    if len(bits) != size:
        raise ValueError(f"a mask has {len(bits) if len(bits) < size else 'more'} bytes in place of {size}")
    if not unpacking.eof or unpacking.unused_data:
        raise ValueError("the bits of a mask are cut, or more follows them")
    return bits
