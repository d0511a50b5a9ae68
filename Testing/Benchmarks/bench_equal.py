"""Whether the panel, ``echoapex analyze`` and the script without a window write the same report.json, byte for byte.

Three small simulated studies, each analyzed in all three ways, with what a user says beside the files: nothing, the
patient, the view of a clip. Each is analyzed a second time in the panel, with an outline drawn, one number confirmed
and one excluded; the other ways are given the corrections that its report keeps. The panel's way is its controller, in
a scene; only its analysis writes a scene as well. The exit code is 1 where two reports differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from echoapex.patient import Patient, Sex
from echoapex.simulation import draw_case, simulate_clip
from echoapex.simulation.dicom_writing import write_dicom
from echoapex.simulation.vendor_looks import TRAINING
from EchoApexLib.pythonDependencies import pythonExecutable
from EchoApexLib.session.borrowedSession import borrowedSession
from EchoApexLib.study.studyAnalysis import analyzeCommand
from EchoApexLib.study.studyController import StudyController
from EchoApexLib.study.studyInScene import newScene
from EchoApexLib.userSettings import UserSettings

SCRIPT = Path(__file__).resolve().parents[2] / "EchoApex" / "EchoApexScripts" / "analyzeStudies.py"
FRAMES = 14
TICK_S = 0.05
REPORT, CORRECTIONS = "report.json", "corrections.json"
PANEL, VERB, WITHOUT_WINDOW = "panel", "analyze", "script"


@dataclass(frozen=True)
class Study:
    """A simulated study, and what is said of it beside its files."""

    preset: str
    seed: int
    views: Sequence[str]
    patient: Patient = field(default_factory=Patient)
    given: Mapping[str, str] = field(default_factory=dict)


STUDIES = (
    Study("easy", 5, ("A4C", "A2C")),
    Study("easy", 7, ("A4C", "PLAX"), Patient(Sex.FEMALE, 61, 165, 70.5)),
    Study("hard", 900_960, ("A2C", "A4C"), given={"A2C": "A2C"}),
)


def write_study(folder: Path, study: Study) -> list[Path]:
    """The clips of a study as DICOM."""
    folder.mkdir()
    files = []
    for number, view in enumerate(study.views, 1):
        case = draw_case(study.preset, study.seed)
        clip = simulate_clip(case, view, rows=120, columns=160, beats=1.2, max_frames=FRAMES, sampling=TRAINING)
        files.append(folder / f"{view}.dcm")
        write_dicom(files[-1], clip, number)
    return sorted(files)


def by_panel(files: Sequence[Path], study: Study, root: Path) -> Path:
    """The folder of the report that is open once the controller of the panel has analyzed the study."""
    said: list[str] = []
    with newScene() as scene:
        panel = StudyController(scene, lambda: None, said.append)
        try:
            panel.open([files[0].parent])
            _until_at_rest(panel)
            for view, told in study.given.items():
                panel.giveView(files[0].parent / f"{view}.dcm", told)
            panel.analyze(panel.list.clips[0].study, study.patient, root)
            _until_at_rest(panel)
            if panel.report is not None:
                _correct(scene, panel)
                panel.analyze(panel.list.clips[0].study, study.patient, root)
                _until_at_rest(panel)
            if panel.report is None:
                raise SystemExit(f"The panel has no report: {' '.join(said)}")
            return panel.report.folder
        finally:
            panel.close()


def _correct(scene: Any, panel: StudyController) -> None:
    """What a user may do with the first report.

    The LV at ES is drawn smaller in a view, its EDV confirmed, and the last number excluded.
    """
    assert panel.report is not None and panel.decisions is not None and panel.shown is not None
    numbers = {(item.name, item.method): item for item in panel.report.measurements}
    view = next(method for name, method in numbers if name == "LVESV" and method in ("A4C", "A2C"))
    smaller = numbers["LVESV", view].sources[0]
    with borrowedSession(scene, panel.shown.read(smaller.clip), UserSettings(rater="r1")) as session:
        mask = session.state.mask(smaller.frames[0], "LV")
        mask[:, : int(mask.any(axis=0).argmax()) + 3] = False
        session.tell(session.state.edit(smaller.frames[0], mask, "LV"))
    panel.decisions.confirm(numbers["LVEDV", view])
    panel.decisions.exclude(panel.report.measurements[-1], "oblique")


def _until_at_rest(panel: StudyController) -> None:
    while panel.listing or panel.analyzing:
        panel.tick(False)
        time.sleep(TICK_S)


def run(command: Sequence[str]) -> None:
    """Runs an analysis to its end, quietly; one that fails ends all of it."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")


def reports(folder: Path, study: Study) -> dict[str, bytes]:
    """The report.json of each way; the reports lie side by side, since paths in them are relative."""
    files, root = write_study(folder / "clips", study), folder / "reports"
    found = {PANEL: by_panel(files, study, root)}
    views = {folder.resolve() / "clips" / f"{view}.dcm": told for view, told in study.given.items()}
    for way, start in ((VERB, ["-m", "echoapex", "analyze"]), (WITHOUT_WINDOW, [str(SCRIPT)])):
        found[way] = root / way
        kept = found[PANEL] / CORRECTIONS
        python, *command = analyzeCommand(pythonExecutable(), files, found[way], views, study.patient, kept)
        options = [word for word in command[3:] if word not in ("--json", "--progress-json")]
        run([python, *start, "--no-scene", *options])
    return {
        way: b"".join((place / name).read_bytes() for name in (REPORT, CORRECTIONS)) for way, place in found.items()
    }


def differences(found: Mapping[str, bytes]) -> list[str]:
    """The ways whose report is not that of the panel."""
    return [way for way, report in found.items() if report != found[PANEL]]


def main() -> int:
    """Prints a line for each study."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    worst = 0
    for number, study in enumerate(STUDIES, 1):
        with tempfile.TemporaryDirectory() as folder:
            found = reports(Path(folder), study)
        others = differences(found)
        record = json.JSONDecoder().raw_decode(found[PANEL].decode())[0]
        size = f"{len(record['clips'])} clips, {len(record['measurements'])} numbers, {len(found[PANEL])} bytes"
        told = f"{' and '.join(others)} differ from the panel" if others else "the same in all three ways"
        print(f"study {number} ({study.preset}, {' and '.join(study.views)}): {size}: {told}", flush=True)
        worst = max(worst, len(others))
    return min(worst, 1)


if __name__ == "__main__":
    sys.exit(main())
