"""What the markers of a JPEG stream say about its colors (ITU-T T.81 annex B; Adobe technical note 5116; JFIF 1.02)."""

from __future__ import annotations

from dataclasses import dataclass

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True)
class JpegMarkers:
    """``component_ids`` and ``subsampled`` from the frame header, ``adobe`` the transform of APP14 or None."""

    component_ids: tuple[int, ...] = ()
    subsampled: bool = False
    jfif: bool = False
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


def _segment(marker: int, body: bytes) -> dict[str, object]:
    if marker in _START_OF_FRAME and len(body) >= 6:
        components = [body[6 + 3 * k : 9 + 3 * k] for k in range(body[5])]
        whole = [part for part in components if len(part) == 3]
        return {
            "component_ids": tuple(part[0] for part in whole),
            "subsampled": len({part[1] for part in whole}) > 1,
        }
    if marker == 0xE0 and body.startswith(b"JFIF"):
        return {"jfif": True}
    if marker == 0xEE and body.startswith(b"Adobe") and len(body) >= 12:
        return {"adobe": body[11]}
    return {}


def is_complete(stream: bytes) -> bool:
    """Whether a JPEG, JPEG-LS or JPEG 2000 stream reaches its end marker (padding may follow)."""
    return b"\xff\xd9" in stream.rstrip(b"\x00")[-8:]
