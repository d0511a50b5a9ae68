"""The scores of a model as one page: nothing outside it is needed, and its content security policy allows nothing else.

Each data set has a section of its own; writing one leaves those of the same weights on other data in place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from ... import __version__
from ...errors import EchoApexError
from ...io.safe_files import try_to_write, write_atomically
from ...models.model_card import ModelCard
from ...report import page as report_page
from ..bootstrap_scores import Score
from ..tables.score_rows import Table, Tables, cells
from ..trials.case_pictures import FOUND_COLOR, TRUE_COLOR
from .figures import Figure
from .metric_names import TASK_TITLES, explanations
from .svg_plots import STYLE

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = (
    ".figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:22px;margin:16px 0}"
    ".scores{max-width:860px}.scores td,.scores th{padding:3px 10px}"
    "figure{margin:0}.wide{grid-column:1/-1}figcaption{font-size:.85rem;color:var(--soft)}"
    ".worst{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px}"
    ".worst img{width:100%;display:block;border-radius:6px}.worst small{color:var(--soft)}"
    "details{margin:8px 0}summary{cursor:pointer;font-weight:600}"
)
_SECTION = re.compile(r"<!-- evaluation (\S+) (\S+) -->\n(.*?)\n<!-- end of evaluation -->", re.DOTALL)


def write_page(file: Path, card: ModelCard, data: str, tables: Tables, drawn: Mapping[str, Sequence[Figure]]) -> None:
    """Writes, or renews, the section of ``data`` in the page ``file``; raises `EchoApexError` where that fails."""
    sections = {**_earlier(file, card), data: _section(data, tables, drawn)}
    parts = [
        f"<!-- evaluation {name} {_weights(card)} -->\n{text}\n<!-- end of evaluation -->"
        for name, text in sections.items()
    ]
    try:
        write_atomically(file, _page(card, parts).encode())
    except OSError as error:
        raise EchoApexError("The page cannot be written", value=error.strerror, file=file) from None


def check_page(file: Path, card: ModelCard) -> None:
    """Raises `EchoApexError` where `write_page` would fail: to be asked before the work."""
    _earlier(file, card)
    try:
        try_to_write(file.parent)
    except OSError as error:
        raise EchoApexError("The page cannot be written", value=error.strerror, file=file) from None


def _weights(card: ModelCard) -> str:
    return card.weights_sha256 or "unknown"


def _earlier(file: Path, card: ModelCard) -> dict[str, str]:
    """Sections of an existing page that belong to the same weights, by their data."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise EchoApexError("The page that is there cannot be read", value=error, file=file) from None
    sections = _SECTION.findall(text)
    if not sections:
        rule = "This is no page that EchoApex wrote, and is not replaced; move it away or name another file"
        raise EchoApexError(rule, file=file)
    return {data: body for data, weights, body in sections if weights == _weights(card)}


def _page(card: ModelCard, sections: Sequence[str]) -> str:
    style = Path(report_page.__file__).with_name("page.css").read_text(encoding="utf-8")
    title = f"Evaluation of {card.name}"
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>\n<style>\n{style}{_STYLE}{STYLE}</style>\n</head>\n<body>",
            f"<header><h1>{escape(title)}</h1>{_about(card)}</header>\n<main>",
            *sections,
            f'</main>\n<footer class="soft"><p>{escape(card.limits)}</p></footer>\n</body>\n</html>\n',
        ]
    )


def _about(card: ModelCard) -> str:
    return (
        f'<p class="soft">EchoApex for 3D Slicer {escape(__version__)} · model {escape(card.id)} · weights SHA-256 '
        f"{escape(_weights(card))} · trained on: {escape(card.training.data)}</p>"
        f'<p class="banner" role="note">{escape(report_page.banner(card.simulated_only))}</p>'
    )


def _section(data: str, tables: Tables, drawn: Mapping[str, Sequence[Figure]]) -> str:
    """All tasks on one data set."""
    what = (
        "Simulated hearts with exact truth, none of them a patient. Intervals are 95 % bootstrap intervals over "
        "hearts; the constant predictor is the best fixed answer on the same data, or, where a box is given, the mean "
        "shape of the other hearts in that box."
    )
    parts = [f'<section><h2>{escape(data)}</h2><p class="soft">{what}</p>{_legend()}']
    for task, table in tables.items():
        title = TASK_TITLES.get(task, task)
        figures = "".join(figure.html() for figure in drawn.get(task, ()))
        parts.append(f'<h3>{escape(title)}</h3><div class="figures">{figures}</div>{_table(table)}{_explained(table)}')
    return "".join((*parts, "</section>"))


def _legend() -> str:
    colors = [f"rgb({','.join(map(str, color))})" for color in (TRUE_COLOR, FOUND_COLOR)]
    names = [f'<b style="color:{c}">■</b> {n}' for c, n in zip(colors, ("truth", "model"), strict=True)]
    return f'<p class="soft">In pictures: {", ".join(names)}.</p>'


def _table(table: Table) -> str:
    rows = "".join(f'<tr><th scope="row">{escape(name)}</th>{_numbers(found)}</tr>' for name, found in table.items())
    names = ("value", "95 % interval", "constant predictor")
    header = "<th>metric</th>" + "".join(f'<th class="number">{name}</th>' for name in names)
    return f'<table class="scores"><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table>'


def _numbers(found: Score) -> str:
    return "".join(f'<td class="number">{escape(cell)}</td>' for cell in cells(found))


def _explained(table: Table) -> str:
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in explanations(table))
    return f"<details><summary>What the metrics mean</summary><dl>{items}</dl></details>"
