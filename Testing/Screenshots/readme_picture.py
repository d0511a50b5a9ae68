"""Makes the README's picture from what the demo wrote: ``python Testing/Screenshots/readme_picture.py demo-output``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np

HEIGHT = 440
TARGET = Path(__file__).resolve().parents[2] / "Resources" / "Screenshots" / "demo.png"


def first_beat(report: Path) -> list[Path]:
    """The stills of the first beat of a report's first clip, which is A4C."""
    clip = json.loads((report / "report.json").read_text(encoding="utf-8"))["clips"][0]
    return [report / "pictures" / f"{clip['id']}-{clip['beats'][0][phase]:04d}.png" for phase in ("ed", "es")]


def main(folder: Path) -> None:
    """End-diastole and end-systole of the real clip, then of the simulated one, side by side."""
    pictures = [cv2.imread(str(file)) for report in (folder / "real", folder) for file in first_beat(report)]
    resized = [
        cv2.resize(p, (round(p.shape[1] * HEIGHT / p.shape[0]), HEIGHT), interpolation=cv2.INTER_AREA) for p in pictures
    ]
    cv2.imwrite(str(TARGET), np.hstack(resized))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
