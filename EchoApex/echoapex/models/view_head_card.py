"""The card of a view head that was taught after its model, on the frozen encoder: a small file beside the model's own.

Such a head changes nothing of the model: neither its weights nor what is decided by the views on its card, such as
where an atrium is expected. It belongs to the very weights that it was taught on.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import EchoApexError, ModelError
from ..io.untrusted_json import read_json
from .model_card import Training, build_entry, check_identifier, check_views

VIEW_HEAD_CARD_FILE, VIEW_HEAD_WEIGHTS_FILE = "view-head.json", "view-head.safetensors"
SCHEMA = 1
_MOST_BYTES = 2**22
_WIDEST = 4096


@dataclass(frozen=True)
class ViewHeadCard:
    """What a view head is and where it comes from; entries as in `ModelCard`, whose card has its scores, too.

    ``model`` and ``model_sha256`` are the identifier of the model and the hash of the weights that it was taught on;
    ``hidden`` is the width of its hidden layer.
    """

    id: str
    name: str
    model: str
    model_sha256: str
    views: tuple[str, ...]
    view_threshold: float
    hidden: int
    training: Training
    simulated_only: bool
    code_license: str
    weights_license: str
    created: str
    limits: str
    weights_sha256: str = ""

    def __post_init__(self) -> None:
        check_identifier(self.id)
        if not self.views:
            raise ModelError("A view head tells views, and this card names none", value=self.id)
        if not 1 <= self.hidden <= _WIDEST:
            raise ModelError(f"The hidden layer of a view head has 1 to {_WIDEST} units", value=self.hidden)
        check_views(self.views, self.view_threshold)

    def to_json(self) -> str:
        """The card as JSON text."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"


def read_view_head_card(folder: Path) -> ViewHeadCard | None:
    """The card of the view head beside a model, None without one; raises `ModelError` where it is damaged."""
    file = folder / VIEW_HEAD_CARD_FILE
    try:
        table = read_json(file, "The card of a view head is not readable JSON", kind=ModelError, most_bytes=_MOST_BYTES)
    except FileNotFoundError:
        return None
    if not isinstance(table, dict) or table.pop("schema", None) != SCHEMA:
        raise ModelError(f"The card of a view head must be of schema {SCHEMA}", file=file)
    try:
        card: ViewHeadCard = build_entry(ViewHeadCard, table, "")
    except EchoApexError as refusal:
        raise ModelError(refusal.rule, value=refusal.value, file=file) from None
    return card
