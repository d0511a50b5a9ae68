"""Makes the README's picture from what the demo wrote: ``python Testing/Screenshots/readme_picture.py demo-output``."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

HEIGHT = 440
TARGET = Path(__file__).resolve().parents[2] / "Resources" / "Screenshots" / "demo.png"


def main(folder: Path) -> None:
    """End-diastole and end-systole of the real clip, then of the simulated one, side by side."""
    names = [f"{clip}-{phase}.png" for clip in ("real-A4C", "simulated-A4C") for phase in ("ED", "ES")]
    pictures = [cv2.imread(str(folder / "pictures" / name)) for name in names]
    resized = [
        cv2.resize(p, (round(p.shape[1] * HEIGHT / p.shape[0]), HEIGHT), interpolation=cv2.INTER_AREA) for p in pictures
    ]
    cv2.imwrite(str(TARGET), np.hstack(resized))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
