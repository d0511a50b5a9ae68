"""A pretrained backbone: weights of timm's or torchvision's network and a card beside them; and weights from elsewhere
that fit one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EchoApexError, ModelError
from ..io.safe_files import write_atomically
from ..io.untrusted_json import read_json
from .model_card import Architecture, Training, build_entry, check_identifier
from .preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .image_encoder import Encoder

CARD_FILE, WEIGHTS_FILE = "backbone.json", "backbone.safetensors"
SCHEMA = 1
_MOST_BYTES = 8 * 2**30
_PREFIXES = ("module.", "backbone.", "encoder.backbone.network.")
_NESTED = ("teacher", "student", "model", "state_dict")
_LISTED = 8
_FIRST_KERNELS = ("patch_embed.proj.weight", "conv1.weight", "stem.0.weight")
_FIRST_AFTER_ENCODER = "layer4.0.conv1.weight"
"""The encoder has a ResNet up to stride 16, its third stage."""


@dataclass(frozen=True)
class BackboneCard:
    """What a backbone is and where it comes from; entries as in `ModelCard`. ``method`` taught it, without labels."""

    id: str
    name: str
    method: str
    architecture: Architecture
    preprocessing: Preprocessing
    training: Training
    simulated_only: bool
    code_license: str
    weights_license: str
    scores: dict[str, Any]
    created: str
    limits: str
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        check_identifier(self.id)


@dataclass(frozen=True)
class ClipBackboneCard(BackboneCard):
    """A backbone of `CLIP_ENCODERS`, taught by clips of so many ``frames``, each spread from 0 to 1 by itself."""

    frames: int = 0


def is_backbone(folder: str | Path) -> bool:
    """Whether a backbone lies in ``folder``."""
    return (Path(folder) / CARD_FILE).is_file()


def save_backbone(folder: Path, network: nn.Module, card: BackboneCard) -> BackboneCard:
    """Writes ``network`` (float32) and its card to ``folder``; gives back the card with the hash of the weights."""
    from safetensors.torch import save

    data = save({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()})
    complete = replace(card, weights_sha256=hashlib.sha256(data).hexdigest())
    text = json.dumps({"schema": SCHEMA, **asdict(complete)}, indent=2, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The card goes last: cut short in between, the old card refuses the new weights.
        write_atomically(folder / WEIGHTS_FILE, data)
        write_atomically(folder / CARD_FILE, text.encode())
    except OSError as error:
        raise ModelError("The backbone cannot be written here", value=error.strerror, file=folder) from None
    return complete


def read_backbone(folder: str | Path) -> tuple[BackboneCard, dict[str, Tensor]]:
    """The card and the weights of a backbone; raises `ModelError` where they are missing, damaged or do not belong."""
    file = Path(folder) / CARD_FILE
    try:
        table = read_json(file, "The card of a backbone is not readable JSON", kind=ModelError, most_bytes=2**24)
    except FileNotFoundError:
        raise ModelError("A backbone needs its card, and there is none", file=file) from None
    if not isinstance(table, dict) or table.pop("schema", None) != SCHEMA:
        raise ModelError(f"The card of a backbone must be of schema {SCHEMA}", file=file)
    try:
        card: BackboneCard = build_entry(ClipBackboneCard if "frames" in table else BackboneCard, table, "")
    except EchoApexError as refusal:
        raise ModelError(refusal.rule, value=refusal.value, file=file) from None
    weights = Path(folder) / WEIGHTS_FILE
    data = _bytes(weights)
    if hashlib.sha256(data).hexdigest() != card.weights_sha256:
        raise ModelError("The weights are not those the card was written for", file=weights)
    return card, _safetensors(data, weights)


def weights_from(source: str) -> tuple[dict[str, Tensor], str]:
    """Weights of a timm network from a ``source``, and what they are in words.

    ``source`` is the folder of a backbone, a file ``.safetensors``, ``.pth`` or ``.pt`` (read with torch's
    ``weights_only``), or the identifier or folder of a model, whose encoder's backbone is taken.
    """
    path = Path(source)
    if is_backbone(path):
        card, tensors = read_backbone(path)
        return tensors, f"backbone {card.id}"
    if path.suffix == ".safetensors":
        return _plain(_safetensors(_bytes(path), path)), f"file {path.name}"
    if path.suffix in (".pth", ".pt"):
        return _plain(_unpickled(path)), f"file {path.name}"
    from .model_loading import load_model

    model = load_model(source, "cpu")
    tensors = _plain({f"encoder.{name}": value for name, value in model.model.encoder.state_dict().items()}, only=True)
    return tensors, f"the backbone of model {model.card.id}, without the detail that its encoder adds"


def fitted(tensors: Mapping[str, Tensor], network: Any, source: str) -> tuple[dict[str, Tensor], list[str]]:
    """``tensors`` as ``network`` takes them, and what was adapted, in words.

    Kernels for three colors are added up for gray, positions are resized to another grid, and torchvision's layer for
    classes is left out. Anything else that does not fit is refused, with the list: a part of the weights is worth less
    than it seems.
    """
    own, notes = network.state_dict(), []
    given = dict(tensors)
    places = "pos_embed"
    for kernel in _FIRST_KERNELS:
        if kernel in given and given[kernel].ndim >= 4 and given[kernel].shape[1] == 3:
            given[kernel] = given[kernel].sum(1, keepdim=True)
            notes.append("kernels for three colors were added up for gray")
    if _FIRST_AFTER_ENCODER in given and _FIRST_AFTER_ENCODER not in own:
        given = {name: value for name, value in given.items() if not name.startswith(("layer4.", "fc."))}
        notes.append("the last stage of the ResNet was left out: the encoder ends before it")
    if "stem.0.weight" in own and given.pop("fc.weight", None) is not None:
        given.pop("fc.bias", None)
        notes.append("the layer for classes was left out")
    if places in given and given[places].ndim == 3 and given[places].shape[1] != own[places].shape[1]:
        given[places] = _resized_places(given[places], own[places], network.num_prefix_tokens)
        notes.append("positions were resized to the grid of this image size")
    misfits = [
        *(f"{name} is missing" for name in own if name not in given),
        *(f"{name} has no place" for name in given if name not in own),
        *(
            f"{name} is {tuple(given[name].shape)}, not {tuple(own[name].shape)}"
            for name in own
            if name in given and given[name].shape != own[name].shape
        ),
    ]
    if misfits:
        more = f" and {len(misfits) - _LISTED} more" if len(misfits) > _LISTED else ""
        rule = "These weights do not fit the encoder, and a part of them is not taken"
        raise ModelError(rule, value="; ".join(misfits[:_LISTED]) + more, file=source)
    return {name: value.float() for name, value in given.items()}, notes


def start_backbone(encoder: Encoder, source: str) -> list[str]:
    """Begins ``encoder`` with the backbone in ``source``; gives back what was adapted.

    The detail that the encoder adds to the patches starts at nothing, so that it begins as it was pretrained.
    """
    from torch import nn

    backbone: Any = encoder.backbone
    card, tensors = read_backbone(source)
    if (card.architecture.encoder, card.architecture.patch) != (encoder.name, encoder.stride):
        wanted = f"{encoder.name} with patches of {encoder.stride}"
        raise ModelError(f"A run starts from a backbone of its own encoder, {wanted}", value=card.architecture)
    weights, notes = fitted(tensors, backbone.network, source)
    backbone.network.load_state_dict(weights)
    last = encoder.detail.coarse[-1]
    nn.init.zeros_(last.weight)  # type: ignore[arg-type]
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return notes


def _resized_places(places: Tensor, own: Tensor, prefix: int) -> Tensor:
    from timm.layers.pos_embed import resample_abs_pos_embed

    old, new = (round((value.shape[1] - prefix) ** 0.5) for value in (places, own))
    if old**2 + prefix != places.shape[1] or new**2 + prefix != own.shape[1]:
        return places
    resized: Tensor = resample_abs_pos_embed(places.float(), [new, new], [old, old], num_prefix_tokens=prefix)
    return resized


def _plain(tensors: Mapping[str, Any], *, only: bool = False) -> dict[str, Tensor]:
    """Tensors by timm's own names; with ``only`` those alone that had one of the prefixes before them."""
    found = {}
    for name, value in tensors.items():
        bare = name
        for prefix in _PREFIXES:
            bare = bare.removeprefix(prefix)
        if not only or bare != name:
            found[bare] = value
    return found


def _bytes(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ModelError(f"Weights take at most {_MOST_BYTES:,} bytes", file=file)
        return file.read_bytes()
    except OSError as error:
        raise ModelError("The weights cannot be read", value=error.strerror, file=file) from None


def _safetensors(data: bytes, file: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return dict(load(data))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError("The weights are no safetensors file", value=error, file=file) from None


def _unpickled(file: Path) -> dict[str, Tensor]:
    """The tensors of a user's own checkpoint, also one level down under the usual names; nothing else is unpickled."""
    from pickle import UnpicklingError

    import torch

    try:
        found = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelError("The weights cannot be read", value=error.strerror, file=file) from None
    except (UnpicklingError, RuntimeError, EOFError, KeyError, ValueError, AttributeError) as error:
        words = str(error).partition("\n")[0]
        raise ModelError("The weights are no file of tensors alone", value=words, file=file) from None
    inner = next(
        (found[name] for name in _NESTED if isinstance(found, dict) and isinstance(found.get(name), dict)), found
    )
    if not isinstance(inner, dict) or not all(isinstance(value, torch.Tensor) for value in inner.values()):
        raise ModelError("The weights are no table of tensors", file=file)
    return inner
