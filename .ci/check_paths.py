"""Refuses tracked paths that differ only in case: on Windows and macOS one of them would overwrite the other."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]


def collisions(paths: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of paths, folders included, that are equal when lower-cased; `paths` use forward slashes."""
    groups: dict[str, set[str]] = {}
    for path in paths:
        for part in (PurePosixPath(path), *PurePosixPath(path).parents):
            groups.setdefault(str(part).lower(), set()).add(str(part))
    return sorted(tuple(sorted(group)) for group in groups.values() if len(group) > 1)


def main() -> int:
    """Checks what git tracks; 1 when two paths collide."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True)
    found = collisions(filter(None, listing.stdout.split("\0")))
    for group in found:
        print("differ only in case: " + ", ".join(group), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
