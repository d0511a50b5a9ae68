"""Analyzes studies without a window: what ``echoapex analyze`` does, with a line for each study.

    Slicer --no-main-window --python-script analyzeStudies.py FOLDER --out REPORTS
    python analyzeStudies.py FOLDER --out REPORTS

Takes the arguments of ``echoapex analyze``. The exit code is 0 when all was done, 1 when something failed (the rest is
done), 2 for arguments that cannot be understood. The work is done by a Python process of its own.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

LIBRARIES = Path(__file__).resolve().parents[1]
"""Where echoapex and EchoApexLib lie, installed and in the sources."""


def interpreter():
    """The Python to work with: PythonSlicer inside Slicer, this one elsewhere."""
    sys.path.insert(0, str(LIBRARIES))
    try:
        from EchoApexLib.pythonDependencies import pythonExecutable

        return pythonExecutable()
    except ModuleNotFoundError:  # no Slicer here
        return sys.executable


def main(arguments):
    """Runs the analysis and prints what came of each study; the exit code."""
    paths = [str(LIBRARIES), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [interpreter(), "-m", "echoapex", "analyze", "--json", *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    run = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", env=environment, check=False)
    if not run.stdout.startswith("{"):
        print(run.stdout, end="")
        return run.returncode
    result = json.loads(run.stdout)
    failures = list(result["failures"])
    for study in result["studies"]:
        failures += study["failures"]
        counts = f"{len(study['clips'])} clips, {len(study['measurements'])} numbers, {len(study['failures'])} failures"
        print(f"{study['study']}: {counts}: {study['report']}")
    print(f"{len(result['studies'])} studies, {len(result['left_out'])} files left out, {len(failures)} failures")
    return run.returncode


if __name__ == "__main__":
    code = main(sys.argv[1:])
    if "slicer" in sys.modules and hasattr(sys.modules["slicer"], "app"):
        sys.modules["slicer"].util.exit(code)
    else:
        sys.exit(code)
