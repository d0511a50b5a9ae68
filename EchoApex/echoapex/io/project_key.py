"""The key of a project, by which patients, studies and instances get names that lead back only to who has it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from pathlib import Path

from ..errors import EchoApexError
from .private_files import read_private, write_private

_BYTES = 32
_DIGITS = 16
_FARTHEST_DAYS, _NEAREST_DAYS = 3650, 366
"""Dates are moved back by one year to ten (own choice): no date lies in the future, and ages stay near."""


class ProjectKey:
    """Turns what identifies somebody into pseudonyms: the same each time, and irreversible without the key.

    All of them are HMAC-SHA256 of what is named; ``kind`` keeps a patient's number apart from an equal one of a study.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._put: Callable[[], None] | None = None

    @classmethod
    def of_file(cls, path: Path) -> ProjectKey:
        """The key in ``path``. Raises `EchoApexError` where there is none that can be read."""
        rule = "The key of the project cannot be read"
        try:
            text = read_private(path, 2 * _BYTES + 2).decode("ascii").strip()
            secret = bytes.fromhex(text)
        except OSError as error:
            raise EchoApexError(rule, value=error.strerror, file=path) from None
        except ValueError:
            raise EchoApexError(rule, value="no hexadecimal number", file=path) from None
        if len(secret) != _BYTES:
            raise EchoApexError(f"{rule}: it has {2 * _BYTES} hexadecimal digits", value=len(text), file=path)
        return cls(secret)

    @classmethod
    def kept_in(cls, path: Path, tell: Callable[[str], None]) -> ProjectKey:
        """The key in ``path``; where there is none, a new one.

        It is put there for this user alone, and told, as soon as there is somebody to name by it.

        Raises `EchoApexError` where it cannot be read, and later where it cannot be written.
        """
        if path.exists() or path.is_symlink():
            return cls.of_file(path)
        key = cls(secrets.token_bytes(_BYTES))

        def put() -> None:
            try:
                write_private(path, key._secret.hex().encode() + b"\n")
            except OSError as error:
                raise EchoApexError("The key cannot be written", value=error.strerror, file=path) from None
            tell(f"a new key is in {path}: keep it, and to yourself; with it the pseudonyms lead back to the patients")

        key._put = put
        return key

    def name(self, kind: str, text: str) -> str:
        """A pseudonym of 16 hexadecimal digits."""
        return self._digest(kind, text).hex()[:_DIGITS]

    def uid(self, uid: str) -> str:
        """The UID in place of ``uid``: a UUID-derived one (PS3.5 B.2) of the custom kind (RFC 9562, version 8)."""
        number = int.from_bytes(self._digest("uid", uid)[:16], "big")
        number = number & ~(0xF << 76) | 8 << 76
        number = number & ~(0x3 << 62) | 2 << 62
        return f"2.25.{number}"

    def days_back(self, patient: str) -> int:
        """By how many days all dates of a patient (its pseudonym) are moved back."""
        span = _FARTHEST_DAYS - _NEAREST_DAYS + 1
        return _NEAREST_DAYS + int.from_bytes(self._digest("days", patient)[:8], "big") % span

    def share(self, kind: str, text: str) -> float:
        """A number from 0 to below 1 that stays with ``text``, as if drawn at random."""
        return int.from_bytes(self._digest(kind, text)[:6], "big") / 2**48

    def _digest(self, kind: str, text: str) -> bytes:
        if self._put is not None:
            self._put()
            self._put = None
        return hmac.digest(self._secret, f"{kind}\0{text}".encode(errors="surrogatepass"), hashlib.sha256)
