"""Checks that everything needed is there and works, by using it, and says what to do where it does not."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .. import __version__, resources
from ..errors import EchoApexError

LIBRARIES = {
    "numpy": "numpy",
    "scipy": "scipy",
    "SimpleITK": "SimpleITK",
    "pydicom": "pydicom",
    "opencv-python-headless": "cv2",
    "psutil": "psutil",
    "safetensors": "safetensors",
    "torch": "torch",
    "torchvision": "torchvision",
    "timm": "timm",
    "segment-anything": "segment_anything",
}
"""The packages the engine needs, by the name they are installed under, with the name they are imported under."""

SHIPPED = ("Terminologies/structures.json", "Models")
"""Files and folders that come with the engine."""

LEAST_FREE_GB = 1.0
"""Free space below which writing a study or a training run is likely to fail."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried: what was found, whether it will do, and what to do if not."""

    name: str
    ok: bool
    found: str
    advice: str = ""


def examine(device: str = "auto") -> list[Check]:
    """All checks; every one is made, whatever the others found. ``device`` is as for `models.device.choose_device`."""
    checks = [_python(), _engine(), *map(_library, LIBRARIES), _pyarrow(), _gdcm(), *map(_shipped, SHIPPED)]
    checks += [_device(name) for name in dict.fromkeys(("cpu", device))]
    return [*checks, _model(), *_folders()]


def _attempt(name: str, advice: str, work: Callable[[], str]) -> Check:
    """A check that is passed when ``work`` returns; a broken library may raise anything."""
    try:
        return Check(name, True, work())
    except Exception as problem:
        text = str(problem).strip() or type(problem).__name__
        return Check(name, False, text.splitlines()[0], advice)


def _python() -> Check:
    return Check("Python", True, f"{platform.python_version()} at {sys.executable} on {platform.platform()}")


def _engine() -> Check:
    return Check("echoapex", True, f"{__version__} from {Path(__file__).resolve().parents[1]}")


def _library(package: str) -> Check:
    advice = f"Install it again: {sys.executable} -m pip install --force-reinstall {package}"
    return _attempt(package, advice, lambda: _version(package, LIBRARIES[package]))


def _version(package: str, name: str) -> str:
    module = importlib.import_module(name)
    # Another build of the same library (opencv-python in Slicer) will do, but has another package name.
    return str(getattr(module, "__version__", None) or metadata.version(package))


def _pyarrow() -> Check:
    """Missing is no failure: most users write no shards."""
    name, use = "pyarrow (optional)", "for curate"
    if importlib.util.find_spec("pyarrow") is None:
        return Check(name, True, f'not installed; {use}: pip install "echoapex[training]"')
    advice = f"Install it again: {sys.executable} -m pip install --force-reinstall pyarrow"
    return _attempt(name, advice, lambda: f"{_version('pyarrow', 'pyarrow')}, {use}")


def _gdcm() -> Check:
    """Missing is no failure; advice never is to install it, since this Python may be Slicer's."""
    name, use = "python-gdcm (optional)", "reads no files; for making test files, outside 3D Slicer only"
    if importlib.util.find_spec("gdcm") is None:
        return Check(name, True, f"not installed, {use}")
    advice = f"Do without it: {sys.executable} -m pip uninstall python-gdcm"
    return _attempt(name, advice, lambda: f"{_version('python-gdcm', 'gdcm')}, {use}")


def _shipped(name: str) -> Check:
    advice = "The installation is incomplete: install echoapex again."
    return _attempt(f"shipped {name}", advice, lambda: str(resources.path(name)))


def _device(name: str) -> Check:
    def work() -> str:
        from ..models.device import choose_device

        device, reason = choose_device(name)
        return f"{device}: {reason}"

    return _attempt(f"device {name}", "Choose another with --device cpu, or repair its driver and torch.", work)


def _model() -> Check:
    def work() -> str:
        from ..models.model_loading import load_model

        loaded = load_model(None, "cpu")
        trained = "trained on simulated cines only" if loaded.card.simulated_only else loaded.card.training.data
        return f"{loaded.card.id} from {loaded.folder}, hash as on its card; {trained}"

    return _attempt(
        "default model", "Name another with --model, or install echoapex again to restore the shipped.", work
    )


def _folders() -> list[Check]:
    def models() -> str:
        from ..models.installed_models import user_models_folder

        return _writable(user_models_folder())

    def cache() -> str:
        from ..inference.feature_cache import FeatureCache
        from ..io.private_files import check_unlinked

        kept = FeatureCache()
        if kept.folder.exists() or kept.folder.is_symlink():
            check_unlinked(kept.folder)
        return f"{_writable(kept.folder)}, {kept.size_bytes / 1e6:.0f} MB kept"

    return [
        _attempt("temporary folder", "Set TMPDIR to another folder.", lambda: _writable(Path(tempfile.gettempdir()))),
        _attempt("folder of your models", "Set ECHOAPEX_MODELS to a folder that you may write to.", models),
        _attempt("folder of encoded frames", "Set ECHOAPEX_CACHE to a folder that you may write to.", cache),
    ]


def _writable(folder: Path) -> str:
    """Writes a file to the folder, or to the nearest existing one above where it would be made."""
    from ..io.safe_files import try_to_write

    existing = next(place for place in (folder, *folder.parents) if place.is_dir())
    try_to_write(existing)
    free = shutil.disk_usage(existing).free / 1e9
    if free < LEAST_FREE_GB:
        raise EchoApexError(f"At least {LEAST_FREE_GB:g} GB must be free", value=f"{free:.2f} GB", file=folder)
    return f"{folder} is writable, {free:.1f} GB free"
