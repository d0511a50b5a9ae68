"""A small study of one simulated heart for users to try things with: ``python -m echoapex.simulation.sample_study``.

The argument is the folder that gets the clips as DICOM; the study is the same each time.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ..console import print_line
from .dicom_writing import write_dicom
from .presets import draw_case
from .simulated_clip import simulate_clip

VIEWS = ("A4C", "A2C", "PLAX")
_SEED = 11
_ROWS, _COLUMNS, _FRAMES, _BEATS = 360, 480, 36, 1.3
"""Small enough to be there within seconds (our choice), and a whole beat."""


def write_sample_study(folder: Path) -> list[Path]:
    """Writes the clips into ``folder`` and gives their paths; a clip is there whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, view in enumerate(VIEWS, 1):
        file = folder / f"simulated-{view}.dcm"
        if not file.is_file():
            clip = simulate_clip(
                draw_case("easy", _SEED), view, rows=_ROWS, columns=_COLUMNS, beats=_BEATS, max_frames=_FRAMES
            )
            # Whoever ends this process must not leave half a file.
            part = file.with_suffix(".part")
            write_dicom(part, clip, number)
            part.replace(file)
        files.append(file)
        print_line(f"{number} of {len(VIEWS)}")
        sys.stdout.flush()
    return files


def main(arguments: Sequence[str] | None = None) -> None:
    """Writes the study into the folder that is named."""
    (folder,) = sys.argv[1:] if arguments is None else arguments
    write_sample_study(Path(folder))


if __name__ == "__main__":
    main()
