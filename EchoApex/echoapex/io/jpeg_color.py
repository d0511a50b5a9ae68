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
_BETWEEN_IMAGES = re.compile(rb"\xff\xd9\x00{0,3}(?=\xff\xd8\xff|\xff\x4f\xff\x51)")
_TILE = b"\xff\x90\x00\x0a"
_JPEG = "1.2.840.10008.1.2.4."
_SYNTAXES_OF_FRAME = {
    0xC0: (f"{_JPEG}50", f"{_JPEG}51"),
    0xC1: (f"{_JPEG}51",),
    0xC2: (f"{_JPEG}50", f"{_JPEG}51", f"{_JPEG}55"),  # progressive: decoders of baseline read it
    0xC3: (f"{_JPEG}57", f"{_JPEG}70"),
    _JPEG_LS: (f"{_JPEG}81", f"{_JPEG}80"),
}
_HTJ2K_SYNTAXES = tuple(f"{_JPEG}{end}" for end in (201, 202, 203))
_J2K_SYNTAXES = (*(f"{_JPEG}{end}" for end in (90, 91, 92, 93)), *_HTJ2K_SYNTAXES)  # decoders of HTJ2K read both
_HIGH_THROUGHPUT = 0x40  # bit 14 of Rsiz, ITU-T T.814


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
    size = _j2k_size(stream)
    if not size:
        return None
    right, bottom, left, top = (int.from_bytes(size[k : k + 4], "big") for k in range(2, 18, 4))
    return bottom - top, right - left


def coded_samples(stream: bytes) -> int:
    """How many samples a pixel of a JPEG, JPEG-LS or JPEG 2000 image has; 0 where it does not say."""
    if stream.startswith(_JPEG_START[:2]):
        return len(read_markers(stream).component_ids)
    size = _j2k_size(stream)
    return int.from_bytes(size[34:36], "big") if size else 0


def _j2k_size(stream: bytes) -> bytes:
    """Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, those of tiles, and Csiz (ITU-T T.800 A.5.1); empty where they are not there."""
    at = stream.find(_J2K_START, 0, _JP2_HEADER_BYTES)
    size = stream[at + 6 : at + 42]
    return size if at >= 0 and len(size) == 36 else b""


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


def syntaxes_of(stream: bytes) -> tuple[str, ...]:
    """The transfer syntaxes that a JPEG, JPEG-LS or JPEG 2000 image may have by its first bytes; none for others."""
    if stream.startswith((_J2K_START, _JP2_START)):
        size = _j2k_size(stream)
        return _HTJ2K_SYNTAXES if size and size[0] & _HIGH_THROUGHPUT else _J2K_SYNTAXES
    if not stream.startswith(_JPEG_START):
        return ()
    found = re.search(rb"\xff([\xc0-\xc3\xf7])\x00", stream)
    return _SYNTAXES_OF_FRAME[found.group(1)[0]] if found else ()


def starts_image(stream: bytes) -> bool:
    """Whether a fragment begins a JPEG, JPEG-LS or JPEG 2000 image, and does not go on with one."""
    return stream.startswith((_JPEG_START, _J2K_START, _JP2_START))


def split_images(stream: bytes) -> list[bytes]:
    """The JPEG or JPEG 2000 images that stand one behind the other in a fragment; a thumbnail in one is none."""
    cuts = [found.end() for found in _BETWEEN_IMAGES.finditer(stream)]
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


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
