"""What may be quoted of a value that stands in a file: a damaged header can put the patient's name anywhere."""

from __future__ import annotations

import re

_CODE = re.compile(r"[A-Za-z0-9_.+\- ]{1,16}")


_UID = re.compile(r"[0-2](\.[0-9]+){1,31}")


def uid_name(uid: object) -> str:
    """What DICOM calls a UID, or the UID where it is none of DICOM's and looks like one."""
    from pydicom.uid import UID

    text = str(uid)
    name = str(UID(text).name)
    if name != text:
        return name
    return text if len(text) <= 64 and _UID.fullmatch(text) else quoted(text)


def quoted(value: object) -> str:
    """``value`` as text where it looks like a code or a number, otherwise how long it is."""
    text = str(value)
    return text if _CODE.fullmatch(text) else f"{len(text)} characters of another form, not shown"
