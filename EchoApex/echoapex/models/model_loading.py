"""Writes and reads models: safetensors beside a card, the hash of the one in the other. Nothing is ever unpickled.

In the weights the segmenter's tensors have their own names, those of the heads begin with ``heads.``, those of the text
encoder with ``text.``, the mean shapes with ``shapes.``.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import EchoApexError, ModelError
from ..io.safe_files import copy_atomically, try_to_write, write_atomically
from .device import choose_device
from .installed_models import clear_default_model, find_model, installed_folder, list_models, user_models_folder
from .model_card import CARD_FILE, PAGE_FILE, WEIGHTS_FILE, Architecture, ModelCard, read_card
from .view_head_card import VIEW_HEAD_CARD_FILE, VIEW_HEAD_WEIGHTS_FILE
from .weights_files import read_tensors, read_weights

if TYPE_CHECKING:
    import torch
    from torch import nn

    from .added_view_head import AddedViews
    from .box_shapes import BoxShapes
    from .prompt_segmenter import PromptSegmenter
    from .text_encoder_network import TextEncoder
    from .view_and_landmark_heads import Heads


_FILES = (WEIGHTS_FILE, CARD_FILE, VIEW_HEAD_WEIGHTS_FILE, VIEW_HEAD_CARD_FILE)


@dataclass(frozen=True)
class LoadedModel:
    """A model ready for use on ``device``; ``device_reason`` says in a sentence why that one.

    ``heads.view`` and ``heads.landmarks`` are None where the card has no views or landmarks; ``text`` and ``shapes``
    are None where it carries no text encoder and no mean shapes. ``added_views`` is a view head that was taught later,
    None without one.
    """

    model: PromptSegmenter
    card: ModelCard
    folder: Path
    device: torch.device
    device_reason: str
    heads: Heads
    text: TextEncoder | None
    shapes: BoxShapes | None = None
    added_views: AddedViews | None = None


def save_model(
    folder: str | Path,
    model: PromptSegmenter,
    card: ModelCard,
    heads: Heads | None = None,
    text: TextEncoder | None = None,
    *,
    shapes: BoxShapes | None = None,
    half: bool = True,
) -> ModelCard:
    """Writes a model and its ``card`` to ``folder`` (made if need be) and gives back the card with the weights' hash.

    ``half`` keeps parameters in float16: half the size, and loaded as float32. Raises `ModelError` when the card does
    not describe this model and what it carries, a parameter is not finite in that precision, or as
    `check_model_folder`.
    """
    from safetensors.torch import save

    parts = _Parts(model, heads or _heads(model), text, shapes)
    _check_described(parts, card)
    data = save(_stored_tensors(parts, half))
    complete = replace(card, weights_sha256=hashlib.sha256(data).hexdigest())
    target = Path(folder)
    check_model_folder(target, card.id)
    try:
        target.mkdir(parents=True, exist_ok=True)
        # The card goes last: cut short in between, the old card refuses the new weights.
        write_atomically(target / WEIGHTS_FILE, data)
        write_atomically(target / CARD_FILE, complete.to_json().encode())
    except OSError as error:
        raise ModelError("The model cannot be written here", value=error.strerror, file=target) from None
    return complete


def check_model_folder(folder: str | Path, identifier: str) -> None:
    """Raises `ModelError` where no model of this identifier can be saved to ``folder``: to be asked before the work.

    Replaced is only an earlier model of the same identifier that is as its card says; other files there are no matter.
    """
    target = Path(folder)
    if any((target / name).exists() for name in (CARD_FILE, WEIGHTS_FILE)):
        card = read_card(target)
        if card.id != identifier:
            raise ModelError("This folder holds another model; save to another folder", value=card.id, file=target)
        read_weights(target / WEIGHTS_FILE, card.weights_sha256)
    existing = next(place for place in (target.absolute(), *target.absolute().parents) if place.exists())
    try:
        try_to_write(existing)
    except OSError as error:
        raise ModelError("The model cannot be written here", value=error.strerror, file=target) from None


def check_scores(model: LoadedModel) -> None:
    """Raises `ModelError` where `record_scores` would fail: to be asked before the work."""
    try:
        try_to_write(model.folder)
    except OSError as error:
        raise ModelError("The card cannot be written", value=error.strerror, file=model.folder / CARD_FILE) from None


def load_model(id_or_folder: str | Path | None = None, device: str = "auto") -> LoadedModel:
    """A model by identifier or folder (None: the default one), float32, in evaluation mode, on ``device``.

    ``device`` is as for `choose_device`. Raises `ModelError`, naming the file, for anything missing, damaged, changed
    since its card was written, or made for another program.
    """
    from .added_view_head import load_added_views

    folder = find_model(id_or_folder)
    card = read_card(folder)
    parts = _build(card, folder / CARD_FILE)
    _fill(parts, folder / WEIGHTS_FILE, card.weights_sha256)
    chosen, reason = choose_device(device)
    for part in parts.modules().values():
        part.to(chosen).eval()
    added = load_added_views(folder, card, parts.model.encoder.embed_dim, chosen)
    return LoadedModel(parts.model, card, folder, chosen, reason, parts.heads, parts.text, parts.shapes, added)


def record_scores(model: LoadedModel, data: str, tables: dict[str, Any]) -> ModelCard:
    """Writes ``evaluate``'s tables on ``data`` into the model's card, beside what is there, and gives the card back.

    Raises `ModelError` when the card cannot be written.
    """
    card = read_card(model.folder)
    kept = {**card.scores, data: {**card.scores.get(data, {}), **tables}}
    complete = replace(card, scores=kept)
    try:
        write_atomically(model.folder / CARD_FILE, complete.to_json().encode())
    except OSError as error:
        raise ModelError("The card cannot be written", value=error.strerror, file=model.folder / CARD_FILE) from None
    return complete


def import_model(folder: str | Path) -> ModelCard:
    """Copies a model into the user's models and gives back its card; it is loaded once to see that it works.

    Raises `ModelError` when it does not, or when a model of its identifier is installed.
    """
    card = load_model(Path(folder), device="cpu").card
    if any(entry.id == card.id for entry in list_models()):
        raise ModelError("A model of this identifier is installed already", value=card.id, file=folder)
    _copy(Path(folder), user_models_folder() / card.id)
    return card


def export_model(identifier: str, folder: str | Path) -> Path:
    """Copies an installed model to a new ``folder``; raises `ModelError` when it is damaged or the folder exists."""
    source, target = installed_folder(identifier), Path(folder)
    if target.exists():
        raise ModelError("A model is exported to a new folder, and this one exists", file=target)
    load_model(source, device="cpu")
    _copy(source, target)
    return target


def remove_model(identifier: str) -> None:
    """Deletes one of the user's models; raises `ModelError` for a bundled or unknown one."""
    folder = installed_folder(identifier)
    if folder.parent != user_models_folder():
        raise ModelError("Models shipped with EchoApex cannot be removed", value=identifier)
    entry = next(entry for entry in list_models() if entry.folder == folder)
    try:
        for file in folder.iterdir():
            if file.name not in (*_FILES, PAGE_FILE):
                rule = "Beside this model lies what is not of it, so its folder is not removed; move that away"
                raise ModelError(rule, file=file)
        # A link to a folder is refused.
        shutil.rmtree(folder)
        if entry.default:
            clear_default_model()
    except OSError as error:
        raise ModelError("The model cannot be removed", value=error.strerror or error, file=folder) from None


class _Parts(NamedTuple):
    """The networks of one model."""

    model: PromptSegmenter
    heads: Heads
    text: TextEncoder | None
    shapes: BoxShapes | None

    def modules(self) -> dict[str, nn.Module]:
        """Those that are there, by what the names of their tensors begin with."""
        optional = {"text.": self.text, "shapes.": self.shapes}
        carried = {prefix: part for prefix, part in optional.items() if part is not None}
        return {"": self.model, "heads.": self.heads, **carried}

    def tensors(self) -> dict[str, torch.Tensor]:
        """All tensors by their names in the weights file."""
        modules = self.modules().items()
        return {prefix + name: value for prefix, part in modules for name, value in part.state_dict().items()}


def _check_described(parts: _Parts, card: ModelCard) -> None:
    model = parts.model
    actual = Architecture(model.encoder.name, model.encoder.stride, model.image_size)
    if actual != card.architecture:
        raise ModelError(f"The card must describe this model, which is {actual}", value=card.architecture)
    if model.text_count != len(card.structures):
        raise ModelError(f"The card must name the {model.text_count} structures of this model", value=card.structures)
    described = _shapes(_Parts(model, _heads(model, card), _text_encoder(card), _box_shapes(card)))
    given = _shapes(parts)
    for name in sorted(given.keys() | described.keys()):
        if given.get(name) != described.get(name):
            wanted = f"shape {described[name]}" if name in described else "no place"
            rule = f"The card must describe what this model carries; by it, tensor {name} has {wanted}"
            raise ModelError(rule, value=given.get(name, "none"))


def _shapes(parts: _Parts) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in parts.tensors().items()}


def _stored_tensors(parts: _Parts, half: bool) -> dict[str, torch.Tensor]:
    """All tensors on the CPU; only parameters are halved: buffers (positions, running statistics) are few and exact."""
    modules = parts.modules().items()
    parameters = {prefix + name for prefix, part in modules for name, _ in part.named_parameters()}
    tensors = {}
    for name, value in parts.tensors().items():
        stored = value.detach().cpu().contiguous()
        tensors[name] = stored.half() if half and name in parameters else stored
        if not tensors[name].isfinite().all():
            raise ModelError(f"Weights must be finite as {tensors[name].dtype}", value=name)
    return tensors


def _build(card: ModelCard, file: Path) -> _Parts:
    """What the card describes, with random weights."""
    from .prompt_segmenter import create_segmenter

    shape = card.architecture
    try:
        model = create_segmenter(shape.encoder, shape.patch, shape.image_size, len(card.structures))
        return _Parts(model, _heads(model, card), _text_encoder(card), _box_shapes(card))
    except EchoApexError as error:
        raise ModelError(error.rule, value=error.value, file=file) from None


def _heads(model: PromptSegmenter, card: ModelCard | None = None) -> Heads:
    """Heads on ``model`` as the card describes them; none without a card."""
    from .view_and_landmark_heads import Heads

    views, landmarks = (0, 0) if card is None else (len(card.views), len(card.landmarks))
    return Heads(model.encoder.embed_dim, views, landmarks)


def _text_encoder(card: ModelCard) -> TextEncoder | None:
    if not card.text:
        return None
    from .text_encoder_network import TextEncoder

    return TextEncoder(card.structures)


def _box_shapes(card: ModelCard) -> BoxShapes | None:
    if not card.box_shapes:
        return None
    from .box_shapes import BoxShapes

    return BoxShapes(len(card.structures), len(card.views))


def _fill(parts: _Parts, file: Path, expected_hash: str) -> None:
    tensors = read_tensors(file, expected_hash, parts.tensors())
    for prefix, part in parts.modules().items():
        part.load_state_dict({name: tensors[prefix + name] for name in part.state_dict()})


def _copy(source: Path, target: Path) -> None:
    """The files of a model into a new folder that appears complete or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".model-", dir=target.parent) as temporary:
            staged = Path(temporary) / target.name
            staged.mkdir()
            for name in (name for name in _FILES if (source / name).exists()):
                copy_atomically(source / name, staged / name)
            staged.replace(target)
    except OSError as error:
        raise ModelError("The model cannot be copied here", value=error.strerror, file=target) from None
