"""The verb ``models``: which models can be used, and the card of one."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from ..console import print_json, print_record, print_table, say
from .shared_options import add_verb

if TYPE_CHECKING:
    from ..models.installed_models import ModelEntry


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    actions = table.add_parser("models", help="list the models that can be used, or show the card of one")
    actions = actions.add_subparsers(metavar="ACTION", required=True)
    add_verb(actions, "list", models_list, "list the models that can be used")
    show = add_verb(actions, "show", models_show, "show the card of a model")
    show.add_argument("model", metavar="ID|FOLDER", nargs="?", help="default: the shipped one")


def models_list(chosen: Namespace) -> bool:
    """Lists the installed models; false when one of them is damaged."""
    from ..models import installed_models

    entries = installed_models.list_models()
    damaged = [entry for entry in entries if entry.card is None]
    if chosen.json:
        print_json(entries)
    else:
        print_table(("", "model", "knows", "trained on", "folder"), [_model_row(entry) for entry in entries])
    for entry in damaged:
        say(entry.problem)
    return not damaged


def _model_row(entry: ModelEntry) -> tuple[str, str, str, str, str]:
    mark = "*" if entry.default else ""
    if entry.card is None:
        return mark, entry.id, "damaged", "-", str(entry.folder)
    data = "simulated cines only" if entry.card.simulated_only else entry.card.training.data
    return mark, entry.id, " ".join(entry.card.structures), data, str(entry.folder)


def models_show(chosen: Namespace) -> bool:
    """Prints the card of a model."""
    from ..models import installed_models, model_card

    folder = installed_models.find_model(chosen.model)
    found = model_card.read_card(folder)
    content: dict[str, Any] = json.loads(found.to_json())
    if chosen.json:
        print_json(content)
        return True
    # Thousands of figures: for machines, and on the page that lies beside the card.
    told = {data: f"{sum(map(len, tables.values()))} metrics" for data, tables in content.pop("scores").items()}
    print_record(content)
    page = folder / model_card.PAGE_FILE
    where = f"{page}, and with --json" if page.is_file() else "with --json"
    print("\n".join(f"scores on {data}: {count}, {where}" for data, count in told.items()) or "scores: none")
    return True
