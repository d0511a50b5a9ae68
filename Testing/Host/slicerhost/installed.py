"""Stand-in of slicer.packaging: says what is installed in this environment, and installs nothing."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement


def load_requirements(path: str | Path) -> list[Requirement]:
    """The requirements that a requirements.txt lists."""
    lines = (line.partition("#")[0].strip() for line in Path(path).read_text(encoding="utf-8").splitlines())
    return [Requirement(line) for line in lines if line]


def pip_check(
    req: str | Requirement | list[str | Requirement], _seen: set[tuple[str, frozenset[str]]] | None = None
) -> bool:
    """Whether all requirements are installed in a version that fits; those of other systems count as installed."""
    wanted = req if isinstance(req, list) else [req]
    return all(_isInstalled(Requirement(str(one))) for one in wanted)


def _isInstalled(requirement: Requirement) -> bool:
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def isPipInstallInProgress() -> bool:
    return False


def pip_ensure(
    requirements: str | Requirement | list[str | Requirement],
    constraints: str | Path | None = None,
    skip_packages: list[str] | None = None,
    prompt_install: bool = True,
    prompt_restart: bool = True,
    requester: str | None = None,
    skip_in_testing: bool = True,
    show_progress: bool = True,
) -> None:
    """Does nothing where all is installed; RuntimeError with what is missing elsewhere."""
    wanted = requirements if isinstance(requirements, list) else [requirements]
    missing = [str(one) for one in wanted if not pip_check(one)]
    missing = [one for one in missing if Requirement(one).name not in (skip_packages or [])]
    if missing:
        raise RuntimeError(f"The Host installs nothing, and these are missing: {', '.join(missing)}")


def pip_install(
    requirements: str | list[str],
    constraints: str | Path | None = None,
    no_deps_requirements: str | list[str] | None = None,
    skip_packages: list[str] | None = None,
    blocking: bool = True,
    show_progress: bool = True,
    requester: str | None = None,
    logCallback: Any = None,
    completedCallback: Any = None,
) -> None:
    """Always refused: what is in the environment is the user's."""
    raise RuntimeError(f"The Host installs nothing; asked for: {requirements}")
