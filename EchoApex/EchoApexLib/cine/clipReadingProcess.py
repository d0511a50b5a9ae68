"""The process that reads clips for a window, which must not wait: ``python -m EchoApexLib.cine.clipReadingProcess``.

Each line on standard input is a folder, as JSON. In it `ASKED` is a JSON object with either ``file`` and the ``parts``
of a clip, or ``report``, the folder of a report, and the identifier of its ``clip``. Then `READ` in that folder holds
the cine, in color, too, and its masks by structure (`echoapex.io.worker_messages.load`), and a line of JSON comes on
standard output: an empty object, or what cannot be read, ``refused`` in a sentence. Slicer's libraries are not needed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from echoapex.cine import BoolMask, Cine
from echoapex.console import print_line
from echoapex.errors import EchoApexError, ReadError
from echoapex.io import read_cine, read_series
from echoapex.io.guarded_reading import start_reading
from echoapex.io.json_shapes import list_of, record, text
from echoapex.io.untrusted_json import parse_json, read_json
from echoapex.io.worker_messages import save

ASKED, READ = "asked.json", "clip"
"""Names of the files in the folder of a clip that is read."""

_RULE = "What is to be read was not understood"
_REQUEST = record({}, {"file": text, "parts": list_of(text), "report": text, "clip": text})


def main() -> int:
    """Reads what it is asked for until standard input ends."""
    with suppress(EchoApexError):
        # Ahead of the first file, which tells why it cannot be.
        start_reading()
    for line in sys.stdin:
        folder = Path(parse_json(line, _RULE, text))
        print_line(json.dumps(_answer(folder)))
    return 0


def _answer(folder: Path) -> dict[str, str]:
    asked = read_json(folder / ASKED, _RULE, _REQUEST)
    try:
        save(folder / READ, _read(asked))
    except EchoApexError as refusal:
        return {"refused": str(refusal)}
    except OSError as error:
        return {"refused": f"What was read of the clip cannot be kept: {error.strerror}"}
    return {}


def _read(asked: Mapping[str, Any]) -> tuple[Cine, dict[str, BoolMask]]:
    if "report" not in asked:
        parts = [Path(part) for part in asked.get("parts", ())]
        return (read_series(parts, in_color=True) if parts else read_cine(asked["file"], in_color=True)), {}
    # Single files need none of this, and are there sooner.
    from ..record.reportFile import readPixels, reportRecord

    home = Path(asked["report"])
    for item in reportRecord(home)["clips"]:
        if item["id"] == asked["clip"]:
            return readPixels(home, item, inColor=True)
    raise ReadError("The report has no such clip", value=asked["clip"])


if __name__ == "__main__":
    sys.exit(main())
