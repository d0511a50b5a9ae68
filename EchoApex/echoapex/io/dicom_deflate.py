"""Deflated DICOM (PS3.5 A.5) is inflated as a whole when it is read; here it is counted first."""

from __future__ import annotations

import zlib
from pathlib import Path

from ..errors import ReadError
from .size_limits import MAX_BYTES

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_GROUP_LENGTH_AT = 140  # value of (0002,0000): preamble, "DICM" and the 8 bytes before it
_START_BYTES = 4096
_CHUNK = 1 << 20


def check_inflated_size(path: Path) -> None:
    """Raise `ReadError` for a deflated file that becomes larger than a cine may be."""
    with path.open("rb") as stream:
        start = stream.read(_START_BYTES)
        data_at = _GROUP_LENGTH_AT + 4 + int.from_bytes(start[_GROUP_LENGTH_AT : _GROUP_LENGTH_AT + 4], "little")
        if _DEFLATED not in start[:data_at]:
            return
        stream.seek(data_at)
        inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
        try:
            while not inflater.eof and (packed := inflater.unconsumed_tail or stream.read(_CHUNK)):
                size += len(inflater.decompress(packed, _CHUNK))
                if size > MAX_BYTES:
                    rule = f"A deflated DICOM file may become at most {MAX_BYTES:,} bytes large"
                    raise ReadError(rule, value=f"more from {path.stat().st_size:,}", file=path)
        except zlib.error as error:
            raise ReadError("The deflated DICOM data are damaged or cut short", file=path) from error
