"""Brightness, borders, shape, tilt and sector of apical four-chamber frames, beside the figures of real clips.

    frame_statistics.py simulated:hard:100     the simulation's median, its 10th and 90th percentile
    frame_statistics.py FOLDER                 frames of one's own: clips with outlines.json beside them

``outlines.json`` is {file: {frame: {structure: {rater: polygon}}}}, polygons in pixels (x right, y down); only LV is
read. A file that is not in the folder is looked for in pydicom's test data. The figures of a folder are printed; no
simulation was ever fitted to them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from echoapex.errors import EchoApexError
from echoapex.io import read_cine
from echoapex.simulation.data_source import SimulatedData
from echoapex.simulation.frame_statistics import REAL_A4C, frame_statistics, medians, simulated_statistics

FIRST_SEED = 5000


def main() -> int:
    """1 for what cannot be read, 2 when called wrongly."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        measured = list(_measured(sys.argv[1]))
        if not measured:
            raise EchoApexError("There is no outline of a left ventricle to measure", value="", file=sys.argv[1])
    except EchoApexError as error:
        print(error, file=sys.stderr)
        return 1
    _print(measured)
    return 0


def _measured(source: str) -> Iterator[dict[str, float]]:
    if Path(source).is_dir():
        return _outlined(Path(source))
    data = SimulatedData.parse(source)
    first = data.first_seed if source.count(":") == 3 else FIRST_SEED
    return (simulated_statistics(data.preset, seed) for seed in range(first, first + data.count))


def _outlined(folder: Path) -> Iterator[dict[str, float]]:
    """Statistics of every outline of every rater."""
    import cv2

    outlines = folder / "outlines.json"
    if not outlines.is_file():
        raise EchoApexError("A folder of frames needs outlines.json", value=folder.name, file=folder)
    for name, frames in json.loads(outlines.read_text(encoding="utf-8")).items():
        path = _clip(folder, name)
        cavities = {frame: found["LV"] for frame, found in frames.items() if isinstance(found, dict) and "LV" in found}
        if path is None or not cavities:
            print(f"left out: {name}", file=sys.stderr)
            continue
        cine = read_cine(path)
        for frame, raters in cavities.items():
            for polygon in raters.values():
                mask = np.zeros(cine.frames.shape[1:], np.uint8)
                cv2.fillPoly(mask, [np.round(np.asarray(polygon)).astype(np.int32)], 1)
                yield frame_statistics(cine.frames[int(frame)], cine.sector.mask, mask > 0)


def _clip(folder: Path, name: str) -> Path | None:
    from pydicom.data import get_testdata_file

    if (folder / name).is_file():
        return folder / name
    found = get_testdata_file(name.split(":")[-1], download=False)
    return Path(found) if found else None


def _print(measured: list[dict[str, float]]) -> None:
    middle = medians(measured)
    print(f"{len(measured)} frames{'':21s} median     p10     p90 | real clips")
    for name, figure in REAL_A4C.items():
        low, high = np.nanpercentile([figures[name] for figures in measured], [10, 90])
        least, most = figure.limits
        mark = "" if least <= middle[name] <= most else "  outside"
        print(f"{name:30s} {middle[name]:7.2f} {low:7.2f} {high:7.2f} | {figure.value:g} ({least:g} to {most:g}){mark}")


if __name__ == "__main__":
    raise SystemExit(main())
