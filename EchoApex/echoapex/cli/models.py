"""The verb ``models``: which models can be used, the card of one, models added, taken away and made the default."""

from __future__ import annotations

import json
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from ..console import print_json, print_line, print_record, print_table, say
from .shared_options import add_verb

if TYPE_CHECKING:
    from ..models.installed_models import ModelEntry


def add(table: Any) -> None:
    """Adds the verb to the command line."""
    actions = table.add_parser("models", help="list, show, add and remove models")
    actions = actions.add_subparsers(metavar="ACTION", required=True)
    add_verb(actions, "list", models_list, "list the models that can be used")
    show = add_verb(actions, "show", models_show, "show the card of a model")
    show.add_argument("model", metavar="ID|FOLDER", nargs="?", help="default: the one in use")
    use = add_verb(actions, "use", models_use, "choose the model that is used where none is named")
    use.add_argument("model", metavar="ID", help="an installed model")
    text = "copy a model into your models; it is loaded once to see that it works"
    given = add_verb(actions, "import", models_import, text)
    given.add_argument("folder", metavar="FOLDER")
    export = add_verb(actions, "export", models_export, "copy an installed model to a new folder")
    export.add_argument("model", metavar="ID")
    export.add_argument("folder", metavar="FOLDER")
    remove = add_verb(actions, "remove", models_remove, "delete one of your models")
    remove.add_argument("model", metavar="ID")


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


def models_use(chosen: Namespace) -> bool:
    """Makes an installed model the default."""
    from ..models import installed_models

    installed_models.set_default_model(chosen.model)
    _tell(chosen, model=chosen.model, folder=installed_models.installed_folder(chosen.model))
    return True


def models_import(chosen: Namespace) -> bool:
    """Copies a model folder into the user's models."""
    from ..models import installed_models, model_loading

    card = model_loading.import_model(chosen.folder)
    _tell(chosen, model=card.id, folder=installed_models.installed_folder(card.id))
    return True


def models_export(chosen: Namespace) -> bool:
    """Copies an installed model to a folder of its own."""
    from ..models import model_loading

    _tell(chosen, model=chosen.model, folder=model_loading.export_model(chosen.model, chosen.folder))
    return True


def models_remove(chosen: Namespace) -> bool:
    """Deletes one of the user's models, and says which one is used now."""
    from ..models import installed_models, model_loading

    model_loading.remove_model(chosen.model)
    _tell(chosen, removed=chosen.model, default=installed_models.default_model())
    return True


def _tell(chosen: Namespace, **facts: object) -> None:
    print_json(facts) if chosen.json else print_record(facts)


def models_show(chosen: Namespace) -> bool:
    """Prints the card of a model."""
    from ..models import installed_models, model_card, view_head_card

    folder = installed_models.find_model(chosen.model)
    found = model_card.read_card(folder)
    content: dict[str, Any] = json.loads(found.to_json())
    if chosen.json:
        print_json(content)
        return True
    # Thousands of figures: for machines, and on the page that lies beside the card.
    told = {data: f"{sum(map(len, tables.values()))} metrics" for data, tables in content.pop("scores").items()}
    print_record(content)
    added = view_head_card.read_view_head_card(folder)
    if added is not None:
        print_line(f"view head {added.id}, taught later: {' '.join(added.views)}")
    page = folder / model_card.PAGE_FILE
    where = f"{page}, and with --json" if page.is_file() else "with --json"
    for data, count in told.items():
        print_line(f"scores on {data}: {count}, {where}")
    if not told:
        print_line("scores: none")
    return True
