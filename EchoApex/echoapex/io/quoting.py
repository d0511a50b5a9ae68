"""What may be quoted of a value that stands in a file: a damaged header can put the patient's name anywhere."""

from __future__ import annotations

import re

_CODE = re.compile(r"[A-Za-z0-9_.+\- ]{1,16}")


def quoted(value: object) -> str:
    """``value`` as text where it looks like a code or a number, otherwise how long it is."""
    text = str(value)
    return text if _CODE.fullmatch(text) else f"{len(text)} characters of another form, not shown"
