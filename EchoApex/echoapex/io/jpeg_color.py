"""What the markers of a JPEG stream say about its colors (ITU-T T.81 annex B; Adobe technical note 5116; JFIF 1.02)."""

from __future__ import annotations

import re
from dataclasses import dataclass

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_LS = 0xF7  # SOF55 of ITU-T T.87
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})

END, _SCAN = b"\xff\xd9", b"\xff\xda"
_JPEG_START, _J2K_START, _JP2_START = b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "
_JP2_HEADER_BYTES = 1 << 16  # boxes before the code stream, color profiles among them
_TILE = b"\xff\x90\x00\x0a"
_SYNTAX_OF_FRAME = {
    0xC0: "1.2.840.10008.1.2.4.50",
    0xC1: "1.2.840.10008.1.2.4.51",
    0xC3: "1.2.840.10008.1.2.4.57",
    _JPEG_LS: "1.2.840.10008.1.2.4.81",
}


@dataclass(frozen=True)
class JpegMarkers:
    """``component_ids`` to ``columns`` from the frame header (0: unsaid), ``adobe`` the transform of APP14 or None."""

    component_ids: tuple[int, ...] = ()
    subsampled: bool = False
    jfif: bool = False
    bits: int = 0
    rows: int = 0
    columns: int = 0
    adobe: int | None = None

    @property
    def color_model(self) -> str | None:
        """``RGB`` or ``YBR_FULL`` where the stream says so, None where it does not."""
        if self.adobe is not None:
            return "RGB" if self.adobe == 0 else "YBR_FULL"
        if self.component_ids == tuple(b"RGB"):
            return "RGB"
        return "YBR_FULL" if self.jfif or self.subsampled else None


def read_markers(stream: bytes) -> JpegMarkers:
    """The markers of one JPEG image, up to its first scan; damaged streams give what could be read."""
    found: dict[str, object] = {}
    at = 2
    while at + 4 <= len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xDA:
            break
        if marker == 0xFF or marker in _WITHOUT_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
        found.update(_segment(marker, stream[at + 4 : end]))
        at = end
    return JpegMarkers(**found)  # type: ignore[arg-type]


def coded_size(stream: bytes) -> tuple[int, int] | None:
    """Rows and columns that a JPEG, JPEG-LS or JPEG 2000 image says it has; None where it does not say."""
    if stream.startswith(_JPEG_START[:2]):
        found = read_markers(stream)
        return (found.rows, found.columns) if found.rows and found.columns else None
    at = stream.find(_J2K_START, 0, _JP2_HEADER_BYTES)
    size = stream[at + 8 : at + 24]  # Xsiz, Ysiz, XOsiz, YOsiz of ITU-T T.800 A.5.1
    if at < 0 or len(size) < 16:
        return None
    right, bottom, left, top = (int.from_bytes(size[k : k + 4], "big") for k in range(0, 16, 4))
    return bottom - top, right - left


def _segment(marker: int, body: bytes) -> dict[str, object]:
    if (marker in _START_OF_FRAME or marker == _JPEG_LS) and len(body) >= 6:
        components = [body[6 + 3 * k : 9 + 3 * k] for k in range(body[5])]
        whole = [part for part in components if len(part) == 3]
        return {
            "component_ids": tuple(part[0] for part in whole),
            "subsampled": len({part[1] for part in whole}) > 1,
            "bits": body[0],
            "rows": int.from_bytes(body[1:3], "big"),
            "columns": int.from_bytes(body[3:5], "big"),
        }
    if marker == 0xE0 and body.startswith(b"JFIF"):
        return {"jfif": True}
    if marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
        return {"adobe": body[11]}
    return {}


def is_complete(stream: bytes) -> bool:
    """Whether a JPEG, JPEG-LS or JPEG 2000 stream reaches its end marker; what follows it is padding of any kind."""
    # Coded data hold no FF D9: JPEG stuffs a zero after each FF, JPEG-LS a zero bit, JPEG 2000 stays below FF 90.
    return stream.rfind(END, stream.find(_SCAN) + 1) > 0


def syntax_of(stream: bytes) -> str | None:
    """The transfer syntax of a single JPEG, JPEG-LS or JPEG 2000 stream by its first bytes, None for anything else."""
    if stream.startswith(_J2K_START):
        return "1.2.840.10008.1.2.4.90"
    if not stream.startswith(_JPEG_START):
        return None
    found = re.search(rb"\xff([\xc0\xc1\xc3\xf7])\x00", stream)
    return _SYNTAX_OF_FRAME[found.group(1)[0]] if found else None


def starts_image(stream: bytes) -> bool:
    """Whether a fragment begins a JPEG, JPEG-LS or JPEG 2000 image, and does not go on with one."""
    return stream.startswith((_JPEG_START, _J2K_START, _JP2_START))


def with_end(stream: bytes) -> bytes:
    """The stream with its end marker, without which decoders refuse it; as it is where it cannot be known to be whole.

    Some scanners leave the marker out. A JPEG 2000 stream says how long its tiles are.
    """
    if is_complete(stream):
        return stream
    if stream.startswith(_J2K_START):
        return stream.rstrip(b"\0") + END if _reaches_last_tile(stream) else stream
    sequential = re.search(rb"\xff[\xc0\xc1\xc2]\x00", stream)
    return stream.rstrip(b"\0") + END if stream.startswith(_JPEG_START) and sequential else stream


def _reaches_last_tile(stream: bytes) -> bool:
    at = stream.find(_TILE)
    if at < 0:
        return False
    while stream[at : at + 4] == _TILE:
        length = int.from_bytes(stream[at + 6 : at + 10], "big")
        if length == 0:
            return True
        at += length
    return at <= len(stream)
