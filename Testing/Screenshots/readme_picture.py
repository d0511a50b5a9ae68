"""Makes the README's picture from what the demo wrote: ``python Testing/Screenshots/readme_picture.py demo-output``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np

HEIGHT = 440
TARGET = Path(__file__).resolve().parents[2] / "Resources" / "Screenshots" / "demo.png"


def stills(report: Path) -> list[Path]:
    """Both ends of the first beat of a report's first clip, which is A4C; its first frame where it holds no beat."""
    clip = json.loads((report / "report.json").read_text(encoding="utf-8"))["clips"][0]
    frames = [clip["beats"][0][phase] for phase in ("ed", "es")] if clip["beats"] else [0]
    return [report / "pictures" / f"{clip['id']}-{frame:04d}.png" for frame in frames]


def main(folder: Path) -> None:
    """The real clip, then the simulated one, side by side."""
    pictures = [cv2.imread(str(file)) for report in (folder / "real", folder) for file in stills(report)]
    resized = [
        cv2.resize(p, (round(p.shape[1] * HEIGHT / p.shape[0]), HEIGHT), interpolation=cv2.INTER_AREA) for p in pictures
    ]
    cv2.imwrite(str(TARGET), np.hstack(resized))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
