"""`ModelCard`: everything about a model but its weights, as JSON beside them."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import EchoApexError, ModelError
from ..io.json_shapes import anything, check_shape, table_of
from ..io.untrusted_json import parse_json, read_json
from .preprocessing import Preprocessing

SCHEMA = 3
"""Version of the card's format; a card of another version is refused, not guessed at."""
_WITHOUT_BOX_SHAPES = 2
"""The version before, which is read as of a model that carries no mean shapes."""

OTHER = "OTHER"
"""The view of a clip that shows none of the views that are told apart; a class like them."""

UNKNOWN = "UNKNOWN"
"""The view of a clip when in doubt; never a class."""

CARD_FILE = "card.json"
WEIGHTS_FILE = "model.safetensors"
PAGE_FILE = "evaluation.html"
"""Tables and figures of the scores, where a model has been evaluated."""

_NOT_JSON = "The model card is not readable JSON"
_MOST_BYTES = 2**24
"""Our choice: the tables of scores that are shipped take some hundred kilobytes."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Architecture:
    """What is built before weights are loaded: an encoder of `ENCODERS`, its patch and its image size in pixels."""

    encoder: str
    patch: int
    image_size: int


@dataclass(frozen=True)
class Training:
    """Where the weights come from. ``data`` says in words what was seen, ``recipe`` names the file of settings."""

    recipe: str
    seed: int
    data: str
    hardware: str
    hours: float
    frames_seen: int


@dataclass(frozen=True)
class ModelCard:
    """A model's card. ``structures`` are the identifiers it knows by name, in the order of its text embedding.

    ``views`` are the classes of its view head in their order, `OTHER` may be among them; a clip whose best view has a
    probability below ``view_threshold`` (0 to 1) is `UNKNOWN`. ``landmarks`` are those of its heat maps in their order.
    Either is empty where the model has no such head. ``text`` is true where it carries a text encoder,
    ``box_shapes`` where it carries mean shapes of its structures.
    ``simulated_only`` is true when no real echo was trained on; ``scores`` are ``evaluate``'s tables
    (``{data: {task: {metric: {"value", "ci", "constant"}}}}``); ``limits`` says in plain words what the model must not
    be used for; ``created`` is an ISO 8601 time; ``weights_sha256`` is of the weights file, empty until it is written.
    """

    id: str
    name: str
    architecture: Architecture
    preprocessing: Preprocessing
    structures: tuple[str, ...]
    training: Training
    simulated_only: bool
    code_license: str
    weights_license: str
    scores: dict[str, Any]
    created: str
    limits: str
    views: tuple[str, ...] = ()
    view_threshold: float = 0.0
    landmarks: tuple[str, ...] = ()
    text: bool = False
    box_shapes: bool = False
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        check_identifier(self.id)
        if self.preprocessing.image_size != self.architecture.image_size:
            raise ModelError("Preprocessing and architecture must agree on the image size", value=self.preprocessing)
        if not self.structures:
            raise ModelError("A model knows at least one structure")
        for entry in ("structures", "landmarks"):
            _check_names(entry, getattr(self, entry))
        check_views(self.views, self.view_threshold)
        if self.weights_sha256 and not _SHA256.fullmatch(self.weights_sha256):
            raise ModelError("The hash of the weights must be 64 hexadecimal digits", value=self.weights_sha256)

    def to_json(self) -> str:
        """The card as JSON text; the same card always gives the same text."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """The card that `to_json` wrote; raises `ModelError` for anything else, naming the entry that is wrong."""
        return cls._of(parse_json(text, _NOT_JSON, kind=ModelError, most_bytes=_MOST_BYTES))

    @classmethod
    def _of(cls, data: Any) -> ModelCard:
        if not isinstance(data, dict) or "schema" not in data:
            raise ModelError("This is no model card")
        schema = data.pop("schema")
        # To Python True is 1 and 2.0 is 2.
        if type(schema) is not int or schema not in (_WITHOUT_BOX_SHAPES, SCHEMA):
            raise ModelError(f"A model card must be of schema {SCHEMA}", value=schema)
        if schema == _WITHOUT_BOX_SHAPES:
            data.setdefault("box_shapes", False)
        card: ModelCard = build_entry(cls, data, "")
        return card


def read_card(folder: Path) -> ModelCard:
    """The card in a model's folder; raises `ModelError`, naming the file, when it is missing or damaged."""
    file = folder / CARD_FILE
    try:
        return ModelCard._of(read_json(file, _NOT_JSON, kind=ModelError, most_bytes=_MOST_BYTES))
    except FileNotFoundError:
        raise ModelError("A model needs its card, and there is none", file=file) from None
    except EchoApexError as error:
        raise ModelError(error.rule, value=error.value, file=file) from None


def check_identifier(identifier: str) -> None:
    """Raises `ModelError` unless a folder of this name is safe everywhere."""
    if not _IDENTIFIER.fullmatch(identifier) or identifier.endswith("."):
        raise ModelError(
            "A model's identifier is up to 64 letters, digits, dots, dashes and underscores, a letter or digit first",
            value=identifier,
        )


def check_views(views: tuple[str, ...], threshold: float) -> None:
    """Raises `ModelError` for classes that no view head tells apart, and a threshold that is none."""
    _check_names("views", views)
    if len(views) == 1 or UNKNOWN in views:
        rule = f"A view head tells at least two views apart, and {UNKNOWN} is none"
        raise ModelError(rule, value=", ".join(views))
    if not 0.0 <= threshold <= 1.0:
        raise ModelError("The threshold of the views must be 0 to 1", value=threshold)
    if threshold and not views:
        raise ModelError("A threshold needs views to apply to", value=threshold)


def _check_names(entry: str, names: tuple[str, ...]) -> None:
    if not all(name.strip() for name in names) or len(set(names)) != len(names):
        raise ModelError(f"The {entry} of a model have names, and each is named once", value=names)


_SIMPLE: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
}
_SCORES = table_of(table_of(table_of(anything)))
_NESTED: dict[str, type] = {item.__name__: item for item in (Architecture, Training, Preprocessing)}


def build_entry(kind: type[Any], data: object, place: str) -> Any:
    """``kind`` from the JSON object ``data``, its entries checked by name and type; ``place`` leads to it."""
    if not isinstance(data, dict):
        raise ModelError(f"Model card entry {place} must be an object", value=data)
    expected = {item.name: str(item.type) for item in fields(kind)}
    for name in sorted(expected.keys() ^ data.keys()):
        state = "missing from" if name in expected else "unknown to"
        raise ModelError(f"Entry {place}{name} is {state} the model card")
    return kind(**{name: _value(expected[name], data[name], f"{place}{name}") for name in expected})


def _value(kind: str, value: object, place: str) -> Any:
    if kind in _NESTED:
        return build_entry(_NESTED[kind], value, f"{place}.")
    if kind == "tuple[str, ...]":
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ModelError(f"Model card entry {place} must be a list of texts", value=value)
    if kind == "dict[str, Any]":
        check_shape(value, _SCORES, f"Model card entry {place} must be tables of scores", kind=ModelError)
        return value
    # To Python True is an int, to a card it is not.
    if not isinstance(value, _SIMPLE[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise ModelError(f"Model card entry {place} must be of type {kind}", value=value)
    return float(value) if kind == "float" else value  # type: ignore[arg-type]
