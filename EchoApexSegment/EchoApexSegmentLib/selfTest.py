"""What the self test of the module opens."""

import tempfile
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def simulatedFile():
    """A short clip of a simulated heart as a DICOM file, which is there within it: its path and count of frames."""
    from echoapex.simulation import draw_case, simulate_clip
    from echoapex.simulation.dicom_writing import write_dicom

    clip = simulate_clip(draw_case("easy", 1), "A4C", rows=120, columns=160, beats=0.3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.dcm"
        write_dicom(path, clip, 1)
        yield str(path), len(clip.frames)
