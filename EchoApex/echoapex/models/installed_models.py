"""Where models live: those shipped with EchoApex, those of the user, and which of them is used by default.

A model is a folder named by its identifier, with its card and its weights.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .. import resources
from ..errors import EchoApexError, ModelError
from ..io.existing_file import is_folder
from ..io.json_shapes import record, text
from ..io.safe_files import write_atomically
from ..io.untrusted_json import read_json
from .model_card import ModelCard, check_identifier, read_card

MODELS_VARIABLE = "ECHOAPEX_MODELS"
"""Environment variable that names the folder of the user's models."""

_DEFAULT_FILE = "default.json"
_APPLICATION = "EchoApex"


@dataclass(frozen=True)
class ModelEntry:
    """One installed model; ``card`` is None where it cannot be read, and ``problem`` then says why."""

    id: str
    folder: Path
    bundled: bool
    default: bool
    card: ModelCard | None
    problem: str = ""


def user_models_folder() -> Path:
    """Where the user's models are kept: ``ECHOAPEX_MODELS``, or the place this system has for an application's data."""
    chosen = os.environ.get(MODELS_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / _APPLICATION / "Models"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / _APPLICATION / "Models"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / _APPLICATION / "Models"


def bundled_models_folder() -> Path | None:
    """Where the models shipped with EchoApex are; None in an installation without any."""
    try:
        return resources.path("Models")
    except EchoApexError:
        return None


def list_models() -> list[ModelEntry]:
    """All installed models, the user's first, each group by name. Cards are read, weights are not."""
    default = _chosen_default()
    return [
        _entry(folder, bundled=root != user_models_folder(), default=folder.name == default)
        for root in _roots()
        for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    ]


def find_model(id_or_folder: str | Path | None = None) -> Path:
    """The folder of a model given by identifier or folder, or of the default model for None.

    An identifier goes before a folder of the same name. Raises `ModelError` naming what is installed.
    """
    if id_or_folder is None:
        return find_model(default_model())
    if isinstance(id_or_folder, str):
        for root in _roots():
            if id_or_folder in {path.name for path in root.iterdir() if path.is_dir()}:
                return root / id_or_folder
    folder = Path(id_or_folder)
    if is_folder(folder):
        return folder
    known = ", ".join(entry.id for entry in list_models()) or "none"
    raise ModelError(f"No model has this identifier and no folder this name; installed models: {known}", value=folder)


def default_model() -> str:
    """Identifier of the model used when none is named: the user's choice, else the bundled one."""
    default = _chosen_default()
    if default is None:
        raise ModelError(f"No model is installed; train or import one into {user_models_folder()}")
    return default


def set_default_model(identifier: str) -> None:
    """Use this installed model from now on; raises `ModelError` when it is not installed or its card is damaged."""
    read_card(installed_folder(identifier))
    file = user_models_folder() / _DEFAULT_FILE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # A half-written choice would leave no model in use.
        write_atomically(file, (json.dumps({"default": identifier}) + "\n").encode())
    except OSError as error:
        raise ModelError("The choice of a model cannot be kept", value=error.strerror, file=file) from None


def clear_default_model() -> None:
    """Forget the user's choice: the bundled model is used again."""
    (user_models_folder() / _DEFAULT_FILE).unlink(missing_ok=True)


def installed_folder(identifier: str) -> Path:
    """The folder of an installed model; raises `ModelError` where there is none of this identifier."""
    check_identifier(identifier)
    for root in _roots():
        if (root / identifier).is_dir():
            return root / identifier
    known = ", ".join(entry.id for entry in list_models()) or "none"
    raise ModelError(f"No installed model has this identifier; installed models: {known}", value=identifier)


def _roots() -> list[Path]:
    return [root for root in (user_models_folder(), bundled_models_folder()) if root is not None and root.is_dir()]


def _chosen_default() -> str | None:
    for root in _roots():
        file = root / _DEFAULT_FILE
        if file.is_file():
            return _read_default(file)
    return None


def _read_default(file: Path) -> str:
    rule = 'The default model is named as {"default": "identifier"}'
    try:
        identifier = str(read_json(file, rule, record({"default": text}), kind=ModelError)["default"])
        check_identifier(identifier)
    except FileNotFoundError as error:
        raise ModelError(rule, value=error.strerror, file=file) from None
    except ModelError as error:
        raise ModelError(rule, value=error.value, file=file) from None
    return identifier


def _entry(folder: Path, *, bundled: bool, default: bool) -> ModelEntry:
    try:
        return ModelEntry(folder.name, folder, bundled, default, read_card(folder))
    except ModelError as error:
        return ModelEntry(folder.name, folder, bundled, default, None, str(error))
