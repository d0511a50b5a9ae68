"""What the model needs beside what Slicer brings: looked for without loading it, installed only when asked to.

Slicer's own packages (vtk, SimpleITK, numpy, scipy, pydicom) are never touched. Everything here belongs to the main
thread: Slicer crashes on some systems when packages are installed from another one.
"""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

from echoapex.errors import EchoApexError

TORCH = {"torch": "torch>=2.6", "torchvision": "torchvision>=0.21"}
"""Module and requirement of what Slicer's extension PyTorch installs, in the build for this computer's accelerator."""

REST = {
    "psutil": "psutil>=6.0",
    "safetensors": "safetensors>=0.4.3",
    "timm": "timm>=1.0.11",
    "segment_anything": "segment-anything>=1.0",
    "cv2": "opencv-python-headless>=4.10",
}
"""Module and requirement of the others. OpenCV is the headless build: the other one brings Qt plug-ins."""

REQUESTER = "EchoApex"


def missingModules() -> tuple[str, ...]:
    """The modules that are needed and not installed; nothing is imported to find out."""
    importlib.invalidate_caches()
    return tuple(name for name in (*TORCH, *REST) if importlib.util.find_spec(name) is None)


def installModelLibraries() -> None:
    """Installs what is missing, PyTorch first; Slicer asks the user before anything is installed.

    Raises `EchoApexError` when the extension PyTorch is not there, when the user declines, and when something is still
    missing afterwards.
    """
    if any(name in TORCH for name in missingModules()):
        _installTorch()
    rest = [requirement for name, requirement in REST.items() if name in missingModules()]
    if rest:
        _installRest(rest)
    left = missingModules()
    if left:
        raise EchoApexError("The model cannot run: libraries are still missing", value=", ".join(left))


def _installTorch() -> None:
    try:
        utilities = importlib.import_module("PyTorchUtils")
    except ModuleNotFoundError:
        rule = "Install the extension PyTorch in the Extensions Manager and restart Slicer: it brings the right torch"
        raise EchoApexError(rule) from None
    required = {name: requirement.removeprefix(name) for name, requirement in TORCH.items()}
    installed = utilities.PyTorchUtilsLogic().installTorch(
        askConfirmation=True,
        torchVersionRequirement=required["torch"],
        torchvisionVersionRequirement=required["torchvision"],
    )
    if installed is None:
        raise EchoApexError("The model needs PyTorch, which was not installed")


def _installRest(requirements: list[str]) -> None:
    try:
        packaging: Any = importlib.import_module("slicer.packaging")
    except ModuleNotFoundError:
        _installInOlderSlicer(requirements)
        return
    try:
        packaging.pip_ensure(requirements, requester=REQUESTER)
    except RuntimeError as refusal:
        raise EchoApexError("The model needs libraries that were not installed", value=refusal) from None


def _installInOlderSlicer(requirements: list[str]) -> None:
    """Slicer 5.10 has no ``slicer.packaging``."""
    import slicer

    if not slicer.util.confirmOkCancelDisplay(
        f"EchoApex needs these Python packages for its model: {', '.join(requirements)}. Install them now?"
    ):
        raise EchoApexError("The model needs libraries that were not installed", value=", ".join(requirements))
    slicer.util.pip_install(requirements)


def pythonExecutable() -> str:
    """The Python that runs the processes that read and that compute: PythonSlicer inside Slicer, this one elsewhere.

    Raises `EchoApexError` where there is none.
    """
    import slicer

    home = getattr(getattr(slicer, "app", None), "slicerHome", "")
    found = shutil.which("PythonSlicer", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("PythonSlicer")
    if found:
        return found
    if "python" in Path(sys.executable).name.lower():
        return sys.executable
    raise EchoApexError("No Python was found to run the model with: PythonSlicer is missing", value=home)
