"""The structure that free text names: by a listed name, as a model's text encoder reads it, or by mended spelling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..errors import ModelError, PromptError
from ..structures import Structure, find_structure, listed_structure, normalized, sides, structures

if TYPE_CHECKING:
    from .model_loading import LoadedModel
    from .text_encoder_network import TextEncoder


@dataclass(frozen=True)
class Resolved:
    """The structure that a text names, and how that was found: ``route`` is what was used.

    ``listed``: the text is among the names and synonyms; ``encoder``: read by the model's text encoder, with its
    ``probability``; ``spelling``: no encoder reads it, but it differs from a listed phrase by typing errors only.
    """

    structure: Structure
    route: Literal["listed", "encoder", "spelling"]
    probability: float | None = None

    @property
    def reason(self) -> str:
        """How it was found, as a sentence."""
        if self.probability is not None:
            return f"{self.structure.name}, as the text encoder reads it (probability {self.probability:.2f})"
        if self.route == "listed":
            return f"{self.structure.name}, by a name that is listed"
        return f"{self.structure.name}, by a name that is listed, but for typing errors"


def resolve_structure(text: str, model: LoadedModel | None = None) -> Structure:
    """The structure that ``text`` names, in free words where ``model`` has a text encoder; see `resolve_text`."""
    return resolve_text(text, None if model is None else model.text).structure


def resolve_text(text: str, encoder: TextEncoder | None = None) -> Resolved:
    """The structure that ``text`` names: by a listed name, else as ``encoder`` reads it, else by mending its spelling.

    Raises `PromptError` where it names none or several, listing what is known or what may be meant, where it says left
    and is read as something on the right or the other way round, and for more than `MAX_TEXT` characters.
    """
    listed = listed_structure(text)
    if listed is not None:
        return Resolved(listed, "listed")
    identifier, probability = (None, None) if encoder is None or not normalized(text) else encoder.resolve(text)
    if identifier is None:
        return Resolved(find_structure(text), "spelling")
    structure = _known(identifier)
    _check_side(text, structure)
    return Resolved(structure, "encoder", probability)


def _known(identifier: str) -> Structure:
    if identifier not in structures():
        raise ModelError("The text encoder reads a structure that this version does not know", value=identifier)
    return structures()[identifier]


def _check_side(text: str, structure: Structure) -> None:
    said, meant = sides(text), sides(structure.name)
    if said and meant and not meant & said:
        raise PromptError(f"This text reads like {structure.name}, but names the other side; say which", value=text)
