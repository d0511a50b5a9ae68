"""Damaged files of every format: how many are read, refused in a sentence, or contained by the reading process."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from reader_fuzzer import fuzz

COUNT = 20_000


def main() -> int:
    """1 when a file is not handled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help=f"files to damage and read (default: {COUNT})")
    parser.add_argument("--seed", type=int, default=0, help="another one gives other files (default: 0)")
    parser.add_argument("--keep", type=Path, help="folder for the files that are not handled")
    chosen = parser.parse_args()
    if chosen.keep is not None:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="echoapex-fuzz-") as folder:
        outcome = fuzz(chosen.count, chosen.seed, Path(folder), chosen.keep)
    print(outcome)
    for line in outcome.found:
        print(line)
    return 1 if outcome.found else 0


if __name__ == "__main__":
    sys.exit(main())
