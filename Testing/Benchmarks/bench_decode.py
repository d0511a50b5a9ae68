"""Decoding a JPEG-baseline echo cine to gray, against pydicom's ``pixel_array``; the frames are compared bit by bit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels import pixel_array
from side_by_side import report, rounds_wanted, take_turns

from echoapex.io import read_cine
from echoapex.io.dicom_pixels import read_pixels

CINE = "color3d_jpeg_baseline.dcm"


def main() -> int:
    """1 when the fast way gives other gray values than pydicom's luminance."""
    name = get_testdata_file(CINE, download=False)
    if name is None:
        print(f"{CINE} is missing: it comes with the package pydicom-data", file=sys.stderr)
        return 1
    path = Path(name)
    luminance = pixel_array(path, raw=True)[..., 0]
    if not np.array_equal(read_cine(path).frames, luminance):
        print("the gray frames are not pydicom's luminance bit for bit", file=sys.stderr)
        return 1
    variants = {
        "pydicom, ds.pixel_array": lambda: dcmread(path).pixel_array,
        "echoapex, frames": lambda: read_pixels(path),
        "echoapex, frames, times, scale and sector": lambda: read_cine(path),
    }
    shape = " x ".join(map(str, luminance.shape))
    report(f"JPEG-baseline cine {shape}, gray frames identical bit for bit", take_turns(variants, rounds_wanted(5)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
