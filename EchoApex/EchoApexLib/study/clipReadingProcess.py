"""The process that reads a clip for a window, which must not wait: ``python -m EchoApexLib.study.clipReadingProcess``.

A JSON object comes on standard input: ``out``, the file to write, and either ``file`` with the ``parts`` of a clip, or
``report``, the folder of a report, with the identifier of its ``clip``. Then ``out`` holds the cine, in color, too,
and its masks by structure (`echoapex.io.worker_messages.load`). What cannot be read is refused in a line of JSON on
standard output. Slicer's libraries are not needed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from echoapex.cine import BoolMask, Cine
from echoapex.console import print_line
from echoapex.errors import EchoApexError, ReadError
from echoapex.io import read_cine, read_series
from echoapex.io.json_shapes import list_of, record, text
from echoapex.io.untrusted_json import parse_json
from echoapex.io.worker_messages import save

from .studyFromReport import readPixels, reportRecord

_RULE = "Standard input must say what is to be read"
_REQUEST = record({"out": text}, {"file": text, "parts": list_of(text), "report": text, "clip": text})


def main() -> int:
    """Reads what is asked for on standard input; 1 where it cannot be read."""
    asked = parse_json(sys.stdin.buffer.read(), _RULE, _REQUEST)
    try:
        save(Path(asked["out"]), _read(asked))
    except EchoApexError as refusal:
        print_line(json.dumps({"refused": str(refusal)}))
        return 1
    except OSError as error:
        print_line(json.dumps({"refused": f"What was read of the clip cannot be kept: {error.strerror}"}))
        return 1
    return 0


def _read(asked: Mapping[str, Any]) -> tuple[Cine, dict[str, BoolMask]]:
    if "report" not in asked:
        parts = [Path(part) for part in asked.get("parts", ())]
        return (read_series(parts, in_color=True) if parts else read_cine(asked["file"], in_color=True)), {}
    home = Path(asked["report"])
    for item in reportRecord(home)["clips"]:
        if item["id"] == asked["clip"]:
            return readPixels(home, item, inColor=True)
    raise ReadError("The report has no such clip", value=asked["clip"])


if __name__ == "__main__":
    sys.exit(main())
