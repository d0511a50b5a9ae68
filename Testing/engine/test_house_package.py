"""What is installed, listed and promised agrees with what is in the tree."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

import echoapex
from echoapex.cli import command_line
from echoapex.cli import doctor_checks as doctor

ROOT = Path(__file__).resolve().parents[2]
ENGINE = ROOT / "EchoApex" / "echoapex"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEAVY = (
    *("torch", "torchvision", "timm", "segment_anything", "SimpleITK", "pydicom", "gdcm", "cv2", "scipy"),
    *("slicer", "vtk", "vtkmodules"),
)


def tracked(*patterns: str) -> list[Path]:
    """Files of the tree that git tracks or would track, relative to its root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in sorted(filter(None, listing.split("\0"))) if (ROOT / name).exists()]


def load_check_paths() -> object:
    spec = importlib.util.spec_from_file_location("check_paths", ROOT / ".ci" / "check_paths.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A freshly built wheel."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps", "--no-index", "-w", str(out)]
    built = subprocess.run([*command, str(ROOT)], check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (file,) = out.glob("echoapex-*.whl")
    return file


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> set[str]:
    """The names of the files in the wheel."""
    with zipfile.ZipFile(wheel_file) as archive:
        return set(archive.namelist())


def test_wheel_holds_engine_glue_and_resources_and_nothing_else(wheel: set[str]) -> None:
    engine = {path.relative_to("EchoApex").as_posix() for path in tracked("EchoApex/echoapex", "EchoApex/EchoApexLib")}
    resources = {
        f"echoapex/resources/{path.relative_to('Resources').as_posix()}"
        for path in tracked("Resources")
        if path.parts[1] in {"Evaluation", "Models", "Recipes", "Schemas", "Terminologies"}
    }
    assert "echoapex/resources/Terminologies/structures.json" in resources
    assert {name for name in wheel if ".dist-info/" not in name} == engine | resources


def test_wheel_has_the_command_the_license_and_its_types(wheel: set[str]) -> None:
    assert any(name.endswith("entry_points.txt") for name in wheel)
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert "echoapex/py.typed" in wheel


def test_only_an_extra_of_the_wheel_brings_gdcm(wheel_file: Path, wheel: set[str]) -> None:
    (metadata,) = (name for name in wheel if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel_file) as archive:
        text = archive.read(metadata).decode()
    required = re.findall(r"^Requires-Dist: (.*)$", text, re.MULTILINE)
    always = [requirement for requirement in required if not re.search(r";.*\bextra == ", requirement)]
    assert any(requirement.startswith("pydicom") for requirement in always)
    assert [requirement for requirement in always if "gdcm" in requirement] == []
    assert any(re.fullmatch(r"python-gdcm\S*; extra == .gdcm.", requirement) for requirement in required)


def shipped_resources() -> set[str]:
    """The folders of Resources that the wheel has."""
    entries = [PurePosixPath(entry) for entry in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]]
    return {entry.name for entry in entries if entry.parts[0] == "Resources"}


def test_every_folder_of_resources_is_shipped_or_known_to_stay() -> None:
    found = {path.parts[1] for path in tracked("Resources") if len(path.parts) > 2}
    assert found <= shipped_resources() | {"Screenshots"}


def test_importing_the_engine_and_its_command_line_is_light() -> None:
    code = (
        "import sys, echoapex, echoapex.cli as c; c.main(['--help']); print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "EchoApex")},
    )
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert "echoapex" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_doctor_looks_at_every_dependency() -> None:
    needed = {re.split(r"[<>=!~]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]}
    assert set(doctor.LIBRARIES) == needed


def test_versions_agree() -> None:
    version = re.escape(echoapex.__version__)
    assert re.search(rf"^version: {version}$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.search(rf"^## {version}$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_license_is_apache_and_named_everywhere() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert re.search(r"^license: Apache-2\.0$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert '/LICENSE")' in (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")


def cmake_modules() -> list[str]:
    """The modules that CMakeLists.txt lists."""
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^set\(ECHOAPEX_MODULES\s*([^)]*)\)", text, re.MULTILINE)
    return sorted(listed.split())


def test_cmake_lists_exactly_the_modules_there_are() -> None:
    modules = {path.parts[0] for path in tracked("EchoApex*/*.py") if path.parts[1:] == (f"{path.parts[0]}.py",)}
    assert cmake_modules() == sorted(modules | {"EchoApex"})
    assert all((ROOT / module / "CMakeLists.txt").is_file() for module in cmake_modules())


def test_cmake_and_the_wheel_ship_the_same_resources() -> None:
    text = (ROOT / "EchoApex" / "CMakeLists.txt").read_text(encoding="utf-8")
    (folders,) = re.findall(r"foreach\(folder IN ITEMS ([^)]*)\)", text)
    assert set(folders.split()) == shipped_resources()


def test_the_extension_is_named_and_described_as_the_index_reads_it() -> None:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    assert re.findall(r"^project\((\w+)\)", text, re.MULTILINE) == ["EchoApex"]
    settings = dict(re.findall(r'^set\((EXTENSION_\w+) "(.*)"\)$', text, re.MULTILINE))
    assert settings["EXTENSION_CATEGORY"] == "Cardiac"
    assert settings["EXTENSION_DEPENDS"] == "PyTorch"
    assert settings["EXTENSION_CONTRIBUTORS"] == "EchoApex for 3D Slicer contributors"
    assert {"EXTENSION_ICONURL", "EXTENSION_SCREENSHOTURLS", "EXTENSION_DICOM_SUPPORT_RULE"} <= settings.keys()


SCRIPTED = "lib/Slicer/qt-scripted-modules"

SLICER_CONFIG = f"""
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR {SCRIPTED})
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR {SCRIPTED})
set(Slicer_USE_FILE "${{CMAKE_CURRENT_LIST_DIR}}/UseSlicer.cmake")
set(Slicer_EXTENSION_GENERATE_CONFIG "${{CMAKE_CURRENT_LIST_DIR}}/Nothing.cmake")
set(Slicer_EXTENSION_CPACK "${{CMAKE_CURRENT_LIST_DIR}}/Nothing.cmake")
"""

# What Slicer's macros of these names do, as far as packaging goes: entries stay within the module's folder, scripts end
# in .py, and the whole folder of the build tree is installed.
USE_SLICER = """
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(GIVEN "WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(GIVEN_UNPARSED_ARGUMENTS OR NOT GIVEN_NAME OR NOT GIVEN_SCRIPTS)
    message(FATAL_ERROR "wrong arguments: ${ARGN}")
  endif()
  if(GIVEN_WITH_GENERIC_TESTS)
    file(APPEND "${CMAKE_BINARY_DIR}/tested.txt" "generic ${GIVEN_NAME}\n")
  endif()
  foreach(entry IN LISTS GIVEN_SCRIPTS GIVEN_RESOURCES)
    set(script_without_py FALSE)
    if(entry IN_LIST GIVEN_SCRIPTS AND NOT entry MATCHES "[.]py$")
      set(script_without_py TRUE)
    endif()
    if(script_without_py OR IS_ABSOLUTE "${entry}" OR entry MATCHES "^[.][.]")
      message(FATAL_ERROR "${entry} would not be packaged as it is")
    endif()
    file(APPEND "${CMAKE_BINARY_DIR}/packaged.txt" "${entry}\n")
    configure_file("${entry}" "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}/${entry}" COPYONLY)
  endforeach()
  install(DIRECTORY "${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR}/"
    DESTINATION ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR})
endmacro()

macro(slicer_add_python_test)
  cmake_parse_arguments(GIVEN "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS;SCRIPT_ARGS" ${ARGN})
  file(APPEND "${CMAKE_BINARY_DIR}/tested.txt" "script ${GIVEN_SCRIPT}\n")
endmacro()

macro(slicer_add_python_unittest)
  cmake_parse_arguments(GIVEN "" "TESTNAME_PREFIX;SCRIPT" "SLICER_ARGS" ${ARGN})
  file(APPEND "${CMAKE_BINARY_DIR}/tested.txt" "unittest ${GIVEN_SCRIPT}\n")
endmacro()
"""


def run_cmake(*arguments: str | Path) -> None:
    done = subprocess.run(["cmake", *map(str, arguments)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the extension in `build` and in `installed`, made against a stand-in for Slicer's CMake files."""
    tools = [("cmake",), ("make", "ninja"), ("c++", "g++", "clang++")]
    missing = [" or ".join(names) for names in tools if not any(map(shutil.which, names))]
    if missing:
        pytest.skip(f"configuring the extension needs {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("extension")
    files = {"SlicerConfig.cmake": SLICER_CONFIG, "UseSlicer.cmake": USE_SLICER, "Nothing.cmake": ""}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    run_cmake("-S", ROOT, "-B", folder / "build", f"-DSlicer_DIR={folder}", "-DBUILD_TESTING=ON")
    run_cmake("--build", folder / "build")
    run_cmake("--install", folder / "build", "--prefix", folder / "installed")
    return folder


def packaged_sources() -> dict[str, Path]:
    """For each file that belongs in the extension, by its path there, the file of the tree."""
    modules = [path for path in tracked(*cmake_modules()) if path.name != "CMakeLists.txt"]
    resources = [path for path in tracked("Resources") if path.parts[1] in shipped_resources()]
    return {
        **{path.relative_to(path.parts[0]).as_posix(): ROOT / path for path in modules},
        **{f"echoapex/resources/{path.relative_to('Resources').as_posix()}": ROOT / path for path in resources},
    }


@pytest.mark.parametrize("tree", ["build", "installed"])
def test_the_extension_holds_every_file_of_modules_engine_and_resources(extension: Path, tree: str) -> None:
    root = extension / tree / SCRIPTED
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    expected = packaged_sources()
    assert {
        "echoapex/__init__.py",
        "EchoApexLib/study/studyInScene.py",
        "echoapex/resources/Models/default.json",
    } <= expected.keys()
    assert found.keys() == expected.keys()
    assert [name for name, path in found.items() if path.read_bytes() != expected[name].read_bytes()] == []


def test_no_file_of_the_extension_is_packaged_twice(extension: Path) -> None:
    entries = (extension / "build" / "packaged.txt").read_text(encoding="utf-8").splitlines()
    assert sorted(entries) == sorted(set(entries))
    assert set(entries) == {name for name in packaged_sources() if not name.startswith("echoapex/resources/")}


def test_ctest_runs_the_checks_and_the_self_test_of_each_module(extension: Path) -> None:
    tested = (extension / "build" / "tested.txt").read_text(encoding="utf-8").splitlines()
    modules = [name for name in cmake_modules() if (ROOT / name / f"{name}.py").is_file()]
    assert f"script {ROOT / 'Testing' / 'Slicer' / 'run_checks.py'}" in tested
    assert (ROOT / "Testing" / "Slicer" / "run_checks.py").is_file()
    self_tests = [f"unittest {ROOT / name / name}.py" for name in modules]
    assert [line for line in tested if line.startswith("unittest")] == self_tests
    assert sorted(line for line in tested if line.startswith("generic")) == [f"generic {name}" for name in modules]


def test_no_tracked_paths_differ_only_in_case() -> None:
    assert load_check_paths().collisions(path.as_posix() for path in tracked()) == []


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        ([], []),
        (["EchoApex/EchoApex.py", "EchoApex/echoapex/cine.py"], []),
        (["README.md", "readme.md"], [("README.md", "readme.md")]),
        (["a/One.py", "A/two.py"], [("A", "a")]),
        (["a/B/c", "a/b/c"], [("a/B", "a/b"), ("a/B/c", "a/b/c")]),
    ],
)
def test_paths_that_differ_only_in_case_are_found(paths: list[str], found: list[tuple[str, ...]]) -> None:
    assert load_check_paths().collisions(paths) == found


def engine_files() -> list[Path]:
    found = tracked("EchoApex/echoapex", "EchoApex/EchoApexLib", "run.py", ".ci")
    return [ROOT / path for path in found if path.suffix == ".py"]


@pytest.mark.parametrize("file", engine_files(), ids=lambda file: file.name)
def test_files_and_functions_stay_small(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, f"{node.name} is too long"


def readme_commands(start: str) -> list[list[str]]:
    """The commands in the README's code blocks that begin with ``start``, without it."""
    blocks = re.findall(
        r"^```\w*\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    first = start.split()
    return [line[len(first) :] for line in lines if line[: len(first)] == first]


def verbs_of(module: Any) -> list[str]:
    """The functions of a file of the command line that do a verb."""
    own = {name: found for name, found in vars(module).items() if getattr(found, "__module__", "") == module.__name__}
    return [name for name in own if inspect.isfunction(own[name]) and not name.startswith("_") and name != "add"]


def test_every_command_of_the_readme_is_one_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = readme_commands("python3 run.py echoapex")
    assert {"info", "analyze", "simulate", "segment", "evaluate", "models", "doctor"} <= {words[0] for words in engine}
    assert {"demo", "test", "bench", "echoapex"} <= {words[0] for words in readme_commands("python3 run.py")}
    seen: list[str] = []
    verbs = [(module, name) for module in command_line.VERBS for name in verbs_of(module)]
    assert {name for _, name in verbs} >= {"info", "analyze", "models_list"}
    for module, verb in verbs:
        monkeypatch.setattr(module, verb, lambda chosen, verb=verb: not seen.append(verb))
    assert [command_line.main(words) for words in engine] == [0] * len(engine)
    assert len(seen) == len(engine)
