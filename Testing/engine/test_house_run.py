"""run.py: makes the environment once, installs again only when it must, and passes on what it started."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]

STUB = f"""#!{sys.executable}
import json, os, signal, sys, time
arguments = sys.argv[1:]
if arguments[0] == "--version":
    print("Python 3.12.1")
    sys.exit(0)
if arguments[0] == "-c":
    sys.exit(0)
with open(os.environ["STUB_LOG"], "a") as log:
    threads = {{k: v for k, v in os.environ.items() if k.startswith(("OMP_", "GOMP_"))}}
    log.write(json.dumps({{"arguments": arguments, "folder": os.getcwd(), "threads": threads}}) + "\\n")
if arguments[1] == "pip":
    print("Collecting echoapex")
    sys.exit(int(os.environ.get("STUB_PIP", "0")))
if "wait" in arguments:
    print("waiting", flush=True)
    time.sleep(60)
if "die" in arguments:
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(os.environ.get("STUB_CODE", "0")))
"""

posix_only = pytest.mark.skipif(os.name == "nt", reason="the stand-in for Python is a script with a #! line")


def load_run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("echoapex_run", ROOT / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = load_run()


class Checkout:
    """A copy of run.py and pyproject.toml with a stand-in for the environment's Python that writes down its calls."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("run.py", "pyproject.toml"):
            shutil.copy(ROOT / name, folder / name)
        self.python = run.environment_python(folder / ".venv")
        self.python.parent.mkdir(parents=True)
        self.python.write_text(STUB)
        self.python.chmod(0o755)
        self.log = folder / "log"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, str(self.folder / "run.py"), *arguments]

    def environment(self, **extra: str) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "STUB_"))}
        return inherited | {"STUB_LOG": str(self.log)} | extra

    def __call__(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        environment = self.environment(**extra)
        command, folder = self.command(*arguments), self.folder.parent
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)

    def calls(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def installed(self) -> list[str]:
        """The targets pip was asked to install, in order."""
        return [call["arguments"][-1] for call in self.calls() if call["arguments"][1] == "pip"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "with a space"
    folder.mkdir()
    return Checkout(folder)


@posix_only
def test_installs_once(checkout: Checkout) -> None:
    first = checkout("demo", "--out", "x")
    assert first.returncode == 0
    assert "about" in first.stderr and "GB" in first.stderr
    assert first.stdout == "" and "Collecting" in first.stderr, "standard output is for results"
    assert checkout("demo").stderr == ""
    assert checkout.installed() == [".[gdcm,slicer]"]
    assert checkout.calls()[1]["arguments"] == ["-m", "echoapex", "demo", "--out", "x"]


@posix_only
def test_tests_add_their_extra_and_keep_it(checkout: Checkout) -> None:
    checkout("demo")
    checkout("test", "-k", "some name")
    checkout("demo")
    checkout("test")
    assert checkout.installed() == [".[gdcm,slicer]", ".[dev,gdcm,slicer]"]
    assert [call["arguments"] for call in checkout.calls()][3] == ["-m", "pytest", "-k", "some name"]


@posix_only
@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ('"timm>=', '"timm>=1.', True),
        ('requires-python = ">=3.11', 'requires-python = ">=3.12', True),
        ('"mypy>=1.15"', '"mypy>=1.16"', True),
        ('description = "The', 'description = "An', False),
        ("line-length = 120", "line-length = 100", False),
    ],
)
def test_installs_again_only_for_other_dependencies(checkout: Checkout, before: str, after: str, again: bool) -> None:
    checkout("echoapex", "--version")
    project = checkout.folder / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    assert text.count(before) == 1
    project.write_text(text.replace(before, after), encoding="utf-8")
    checkout("echoapex", "--version")
    assert len(checkout.installed()) == (2 if again else 1)


@posix_only
def test_a_failed_installation_is_said_and_tried_again(checkout: Checkout) -> None:
    failed = checkout("demo", STUB_PIP="1")
    assert failed.returncode == 2
    assert "installation failed" in failed.stderr and "Traceback" not in failed.stderr
    assert [call["arguments"][1] for call in checkout.calls()] == ["pip"]
    assert checkout("demo").returncode == 0
    assert len(checkout.installed()) == 2


@posix_only
@pytest.mark.parametrize("stamp", ["", "[]", "{}", '{"fingerprint": 1, "extras": 2}', "\0"])
def test_a_damaged_stamp_means_install(checkout: Checkout, stamp: str) -> None:
    (checkout.folder / ".venv" / "echoapex-installed.json").write_text(stamp)
    assert checkout("echoapex", "info", "x").returncode == 0
    assert checkout.installed() == [".[gdcm]"]


@posix_only
@pytest.mark.parametrize(("verb", "needs"), [("analyze", ".[gdcm,slicer]"), ("segment", ".[gdcm]")])
def test_only_what_writes_a_scene_needs_the_libraries_of_slicer(checkout: Checkout, verb: str, needs: str) -> None:
    assert checkout("echoapex", verb, "x").returncode == 0
    assert checkout.installed() == [needs]


@posix_only
@pytest.mark.parametrize("verb", ["demo", "test", "echoapex"])
@pytest.mark.parametrize("code", [0, 1, 2, 5, 130])
def test_exit_code_is_passed_on(checkout: Checkout, verb: str, code: int) -> None:
    assert checkout(verb, STUB_CODE=str(code)).returncode == code


@posix_only
def test_a_killed_program_counts_as_128_and_its_signal(checkout: Checkout) -> None:
    assert checkout("echoapex", "die").returncode == 128 + signal.SIGKILL


@posix_only
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + 15)])
def test_interruption_ends_both(checkout: Checkout, sent: signal.Signals, code: int) -> None:
    # A shell without job control has what it starts in the background ignore Ctrl-C, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        checkout.command("echoapex", "wait"),
        env=checkout.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        # Ctrl-C reaches the whole foreground group; a supervisor's SIGTERM reaches run.py alone.
        os.killpg(process.pid, sent) if sent is signal.SIGINT else process.send_signal(sent)
        assert process.wait(timeout=30) == code
        # The pipe closes only when the program that was started has ended as well.
        assert process.stdout.read() == b""


@posix_only
def test_threads_of_the_user_stay(checkout: Checkout) -> None:
    checkout("test")
    checkout("test", OMP_NUM_THREADS="3", OMP_WAIT_POLICY="ACTIVE")
    checkout("echoapex", "--version")
    seen = [call["threads"] for call in checkout.calls() if call["arguments"][1] != "pip"]
    assert seen == [
        {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "OMP_NUM_THREADS": "1"},
        {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": "0", "OMP_NUM_THREADS": "3"},
        {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"},
    ]


@posix_only
def test_paths_of_the_user_mean_the_folder_of_the_user(checkout: Checkout) -> None:
    checkout("echoapex", "info", "clip.dcm")
    checkout("test")
    folders = [call["folder"] for call in checkout.calls() if call["arguments"][1] != "pip"]
    assert folders == [str(checkout.folder.parent), str(checkout.folder)]


@posix_only
def test_an_unknown_benchmark_is_named_with_those_there_are(checkout: Checkout) -> None:
    folder = checkout.folder / "Testing" / "Benchmarks"
    folder.mkdir(parents=True)
    (folder / "bench_one.py").write_text("")
    refused = checkout("bench", "two")
    assert refused.returncode == 2 and "two" in refused.stderr and "one" in refused.stderr
    assert checkout("bench", "one", "--rounds", "3").returncode == 0
    assert checkout.calls()[-1]["arguments"] == [str(folder / "bench_one.py"), "--rounds", "3"]


@pytest.mark.parametrize("arguments", [[], ["nothing"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        run.main(arguments)
    assert stop.value.code == 2
    assert "usage: python3 run.py" in capsys.readouterr().err


@pytest.mark.parametrize("version", [(2, 7), (3, 8), (3, 10), (3, 14), (4, 0)])
def test_other_pythons_are_refused_by_name(version: tuple[int, int]) -> None:
    problem = run.python_problem(version)
    assert problem is not None
    assert f"{version[0]}.{version[1]}" in problem and "3.11 to 3.13" in problem


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_supported_pythons_are_those_of_the_package(version: tuple[int, int]) -> None:
    assert run.python_problem(version) is None


def test_a_python_without_venv_is_told_how_to_get_it() -> None:
    assert run.environment_problem(True, True, True) is None
    wanted = f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    assert wanted in run.environment_problem(True, False, True)
    assert "apt" not in run.environment_problem(False, True, False)


@pytest.mark.parametrize(
    ("debian", "root", "installs"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_only_root_on_debian_gets_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, debian: bool, root: bool, installs: bool
) -> None:
    commands: list[list[str]] = []
    missing = {"ensurepip"}

    def execute(command: list[str], environment: dict[str, str], folder: Path | None = None) -> int:
        commands.append(command)
        if command[:2] == ["apt-get", "install"]:
            missing.clear()
        return 0

    monkeypatch.setattr(run, "execute", execute)
    monkeypatch.setattr(run, "_is_debian", lambda: debian)
    monkeypatch.setattr(run.os, "geteuid", lambda: 0 if root else 1000, raising=False)
    monkeypatch.setattr(run.importlib.util, "find_spec", lambda name: None if name in missing else object())
    if installs:
        run._make_environment()
        assert commands[1] == ["apt-get", "install", "--yes", run.venv_package(sys.version_info[:2])]
        assert "venv" in commands[2]
    else:
        with pytest.raises(run.SetupError, match="Install"):
            run._make_environment()
        assert commands == []


def test_little_room_is_said_before_the_download() -> None:
    assert "8 GB" in run.size_notice("Linux", 50_000_000_000)
    assert "may not fit" not in run.size_notice("Linux", 50_000_000_000)
    assert "3.0 GB" in run.size_notice("Linux", 3_000_000_000)
