"""The process that lists clips for a window, which must not wait: ``python -m echoapex.study.clip_listing_process``.

A JSON list of paths comes on standard input; the messages of `list_clips` go to standard output, one JSON line each, as
soon as there are any.
"""

from __future__ import annotations

import json
import sys

from ..console import plain, print_line
from ..io import start_reading
from ..io.json_shapes import list_of, text
from ..io.untrusted_json import parse_json
from .clip_listing import list_clips


def main() -> None:
    """Lists what is asked for on standard input."""
    paths = parse_json(sys.stdin.buffer.read(), "Standard input must be a list of paths", list_of(text))
    start_reading()
    for message in list_clips(paths):
        print_line(json.dumps(plain(message), ensure_ascii=False, allow_nan=False))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
