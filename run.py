#!/usr/bin/env python3
"""Runs everything there is to run, with nothing but Python: ``python3 run.py demo | app | test | bench | echoapex``.

The first run makes an environment in ``.venv`` beside this file and installs into it; later runs start at once.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent
ENVIRONMENT = ROOT / ".venv"
OLDEST, FIRST_TOO_NEW = (3, 11), (3, 14)
INTERRUPTED = 130

VERBS = {
    "demo": "simulate a study, segment it with the shipped model and compare with the truth [--out DIR]",
    "app": "the panels in a window of their own, without 3D Slicer [FILES]",
    "test": "run the tests; anything after it goes to pytest",
    "bench": "run the benchmarks, or the one that is named",
    "echoapex": "the command line of the engine, for example: run.py echoapex info CLIP.dcm",
}


# Extras of single verbs: Slicer's libraries write the scene, pyarrow the manifest of shards.
EXTRAS_OF_VERBS = {"analyze": {"slicer"}, "demo": {"slicer"}, "curate": {"training"}}
# Extras of every verb. The environment of this file is never Slicer's own, where gdcm must not be.
ALWAYS = {"gdcm"}


class SetupError(Exception):
    """Something the user has to settle first; its text says what and how."""


def python_problem(version: tuple[int, int]) -> str | None:
    """Why this Python cannot be used, or None."""
    if OLDEST <= version < FIRST_TOO_NEW:
        return None
    return (
        f"EchoApex needs Python {_dotted(OLDEST)} to 3.{FIRST_TOO_NEW[1] - 1}, and this is {_dotted(version)} "
        f"({sys.executable}). Start it with another one, for example: python3.12 run.py"
    )


def environment_problem(have_venv: bool, have_ensurepip: bool, is_debian: bool) -> str | None:
    """Why no virtual environment can be made, or None. Debian and Ubuntu ship Python without these two."""
    if have_venv and have_ensurepip:
        return None
    if is_debian:
        package = venv_package(sys.version_info[:2])
        return f"This Python cannot make virtual environments. Install what is missing: sudo apt install {package}"
    return "This Python comes without venv or ensurepip. Install a complete Python, for example the one of python.org."


def venv_package(version: tuple[int, int]) -> str:
    """Debian's and Ubuntu's package with what their Python of this version leaves out."""
    return f"python{_dotted(version)}-venv"


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def environment_python(folder: Path) -> Path:
    """The interpreter of a virtual environment on this system."""
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"


def fingerprint(pyproject: str, python: str) -> str:
    """Changes when the packages to install change: dependencies, extras, commands, build back end, Python version."""
    import tomllib

    data = tomllib.loads(pyproject)
    names = ("dependencies", "optional-dependencies", "requires-python", "scripts")
    told = {"build": data.get("build-system"), "python": python} | {n: data["project"].get(n) for n in names}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def read_stamp(stamp: Path, wanted: str) -> set[str] | None:
    """The extras already installed, or None when nothing is or what is does not match ``wanted``."""
    try:
        content = json.loads(stamp.read_text(encoding="utf-8"))
        return set(content["extras"]) if content["fingerprint"] == wanted else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_stamp(stamp: Path, wanted: str, extras: set[str]) -> None:
    """Records a finished installation; written last, so that an interrupted one is repeated."""
    stamp.write_text(json.dumps({"fingerprint": wanted, "extras": sorted(extras)}), encoding="utf-8")


def child_environment(given: dict[str, str], one_thread: bool) -> dict[str, str]:
    """The environment of what is started: idle threads sleep instead of spinning; what the user set stays.

    Spinning threads made encoding five times slower beside one busy program on two cores. ``one_thread`` is for
    tests and benchmarks, whose results should not depend on what else is running.
    """
    defaults = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
    if one_thread:
        defaults["OMP_NUM_THREADS"] = "1"
    return defaults | given


def exit_code(returncode: int) -> int:
    """The code of a finished program for the shell: a program ended by signal N counts as 128 + N."""
    return returncode if returncode >= 0 else 128 - returncode


def execute(
    command: list[str], environment: dict[str, str], folder: Path | None = None, output: TextIO | None = None
) -> int:
    """Runs a program to its end and returns its exit code; 130 after Ctrl-C, which the program gets as well.

    What it prints on standard output goes to ``output``, where that is given.
    """
    process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output)
    previous = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        return exit_code(process.wait())
    except KeyboardInterrupt:
        _wait_or_end(process)
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, previous)


def _wait_or_end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=10)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.terminate()
        process.wait()


def say(text: str) -> None:
    """Tells the user something without mixing it into results."""
    print(f"run.py: {text}", file=sys.stderr, flush=True)


def ensure_environment(extras: set[str]) -> Path:
    """The environment's interpreter, after making and filling the environment where that is needed."""
    extras = extras | ALWAYS
    python = environment_python(ENVIRONMENT)
    if not _works(python):
        _make_environment()
    version = subprocess.run([str(python), "--version"], check=True, capture_output=True, text=True).stdout.strip()
    wanted = fingerprint((ROOT / "pyproject.toml").read_text(encoding="utf-8"), version)
    stamp = ENVIRONMENT / "echoapex-installed.json"
    installed = read_stamp(stamp, wanted)
    if installed is None or not extras <= installed:
        everything = extras | (installed or set())
        _install(python, everything, fresh=installed is None)
        write_stamp(stamp, wanted, everything)
    return python


def _works(python: Path) -> bool:
    """Whether the environment has a usable interpreter with pip (an interrupted or moved one has not)."""
    if not python.exists():
        return False
    check = f"import sys, pip; sys.exit(not {OLDEST} <= sys.version_info[:2] < {FIRST_TOO_NEW})"
    return subprocess.run([str(python), "-c", check], capture_output=True, check=False).returncode == 0


def _environment_problem() -> str | None:
    return environment_problem(
        importlib.util.find_spec("venv") is not None,
        importlib.util.find_spec("ensurepip") is not None,
        _is_debian(),
    )


def _is_debian() -> bool:
    return Path("/etc/debian_version").exists()


def _install_venv() -> None:
    """Installs what makes environments, which only root on Debian or Ubuntu may do without being asked."""
    package = venv_package(sys.version_info[:2])
    say(f"this Python cannot make virtual environments; installing {package}")
    for command in (["apt-get", "update"], ["apt-get", "install", "--yes", package]):
        if execute(command, dict(os.environ)) != 0:
            raise SetupError(f"{' '.join(command)} failed; see above.")
    importlib.invalidate_caches()


def _make_environment() -> None:
    if _environment_problem() and _is_debian() and hasattr(os, "geteuid") and os.geteuid() == 0:
        _install_venv()
    problem = _environment_problem()
    if problem:
        raise SetupError(problem)
    say(f"making a Python environment in {ENVIRONMENT}")
    if execute([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], dict(os.environ)) != 0:
        raise SetupError(f"The environment could not be made in {ENVIRONMENT}; see above.")


def _install(python: Path, extras: set[str], fresh: bool) -> None:
    if fresh:
        say(size_notice(platform.system(), shutil.disk_usage(ROOT).free))
    target = f".[{','.join(sorted(extras))}]"
    say(f"installing EchoApex and what it needs ({target}); an interrupted installation continues where it stopped")
    start = time.monotonic()
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--editable", target]
    # Standard output is for results.
    code = execute(command, dict(os.environ), ROOT, sys.stderr)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    if code != 0:
        raise SetupError(f"The installation failed (pip ended with {code}); see above. The same command tries again.")
    say(f"installed in {time.monotonic() - start:.0f} s")


def size_notice(system: str, free_bytes: int) -> str:
    """What the installation will take, and whether there is room."""
    size, reason = (8, "PyTorch with CUDA") if system == "Linux" else (2, "PyTorch")
    notice = f"this downloads and installs about {size} GB ({reason}) into {ENVIRONMENT}, once"
    free = free_bytes / 1e9
    return notice if free > size + 2 else f"{notice}. Only {free:.1f} GB are free there: it may not fit"


def benchmarks() -> dict[str, Path]:
    """The benchmarks by name."""
    return {p.stem.removeprefix("bench_"): p for p in sorted((ROOT / "Testing/Benchmarks").glob("bench_*.py"))}


def run_test(rest: list[str]) -> int:
    """The tests that are chosen, or all of them, file by file in two processes: the panel's take longest, and begin."""
    python = ensure_environment({"dev"})
    chosen = rest or ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    return execute([str(python), "-m", "pytest", *chosen], child_environment(dict(os.environ), True), ROOT)


def run_bench(rest: list[str]) -> int:
    """All benchmarks, or the named one with its own arguments; the worst exit code."""
    known = benchmarks()
    if rest and rest[0] not in known:
        raise SetupError(f"There is no benchmark {rest[0]}; there are: {', '.join(known)}.")
    python = ensure_environment({"dev"})
    chosen = [known[rest[0]]] if rest else list(known.values())
    environment = child_environment(dict(os.environ), True)
    return max(execute([str(python), str(script), *rest[1:]], environment, ROOT) for script in chosen)


def run_app(files: list[str]) -> int:
    """The Host, in the folder of the user, whose paths the files are."""
    python = ensure_environment({"dev"})
    environment = child_environment(dict(os.environ), False)
    paths = [str(ROOT / "Testing/Host"), *filter(None, [environment.get("PYTHONPATH")])]
    return execute([str(python), "-m", "slicerhost", *files], environment | {"PYTHONPATH": os.pathsep.join(paths)})


def run_engine(arguments: list[str]) -> int:
    python = ensure_environment(EXTRAS_OF_VERBS.get(arguments[0], set()) if arguments else set())
    return execute([str(python), "-m", "echoapex", *arguments], child_environment(dict(os.environ), False))


def usage() -> argparse.ArgumentParser:
    """What ``--help`` shows."""
    lines = "\n".join(f"  {name:10}{text}" for name, text in VERBS.items())
    return argparse.ArgumentParser(
        prog="run.py",
        usage="python3 run.py VERB ...",
        description=f"EchoApex for 3D Slicer\n\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def main(arguments: list[str]) -> int:
    """Runs one verb and returns the exit code for the shell."""
    parser = usage()
    parser.add_argument("verb", choices=list(VERBS), help=argparse.SUPPRESS)
    verb = parser.parse_args(arguments[:1]).verb
    rest = arguments[1:]
    try:
        problem = python_problem(sys.version_info[:2])
        if problem:
            raise SetupError(problem)
        if verb == "test":
            return run_test(rest)
        if verb == "bench":
            return run_bench(rest)
        if verb == "app":
            return run_app(rest)
        return run_engine(["demo", *rest] if verb == "demo" else rest)
    except SetupError as stop:
        say(str(stop))
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
