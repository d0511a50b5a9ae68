"""The report as one page: nothing outside it is needed, and its content security policy allows nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from .. import __version__
from .clip_section import ClipPictures, clip_section, player_data
from .content import ReportContent
from .numbers import key_numbers, measurement_table
from .words import HOW_ALL, how_made, method

MAX_BYTES = 12_000_000
"""The page is to stay below this: the frames of all clips share most of it."""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_HERE = Path(__file__).parent


def banner(simulated_only: bool) -> str:
    """What must stand above every number of this model."""
    what = "Demonstration model, trained on simulated hearts only." if simulated_only else "Research software."
    return f"{what} Not a medical device, not for clinical use."


def report_page(content: ReportContent, pictures: dict[str, ClipPictures]) -> str:
    """The whole page; ``pictures`` has what is shown of each clip, by its identifier."""
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    sections = [
        _results(content),
        *(clip_section(clip, pictures[clip.id], content.truth) for clip in content.clips),
        _failures(content),
        f'<section id="numbers"><h2>All numbers</h2>{measurement_table(content)}</section>',
        _how(content),
    ]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(content.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>",
            _header(content),
            f"<main>{''.join(sections)}</main>",
            _footer(content),
            f'<script type="application/json" id="clips">{player_data(content, pictures)}</script>',
            f"<script>\n{script}</script>\n</body>\n</html>\n",
        ]
    )


def _header(content: ReportContent) -> str:
    what = "all clips simulated" if all(clip.cine.simulated for clip in content.clips) else "simulated and real clips"
    kind = f" · {what}" if content.simulated else ""
    return (
        f'<header><h1>{escape(content.title)}</h1><p class="soft">EchoApex for 3D Slicer {escape(__version__)} · model '
        f"{escape(content.model.id)}{kind} · patient unknown</p>"
        f'<p class="banner" role="note">{escape(banner(content.model.simulated_only))}</p>'
        '<noscript><p class="soft">Without JavaScript the clips do not play; the numbers, curves and stills are all '
        "here.</p></noscript></header>"
    )


def _results(content: ReportContent) -> str:
    tiles = key_numbers(content)
    more = (
        '<p class="soft"><a href="#numbers">All numbers</a>, with the frames they come from and how they were made.</p>'
    )
    return f'<section id="results"><h2>Results</h2>{tiles}{more}</section>'


def _how(content: ReportContent) -> str:
    methods = dict.fromkeys(item.method for item in content.measurements)
    entries = [*HOW_ALL, *((method(name), how_made(name)) for name in methods)]
    return f'<section id="how"><h2>How each number was made</h2><dl>{"".join(_definitions(entries))}</dl></section>'


def _definitions(entries: Iterable[tuple[str, str]]) -> Iterable[str]:
    for title, text in entries:
        yield f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>"


def _failures(content: ReportContent) -> str:
    if not content.failures:
        return ""
    items = "".join(f"<li>{escape(str(failure))}</li>" for failure in content.failures)
    return f'<section id="failures"><h2>What could not be done</h2><ul class="warnings">{items}</ul></section>'


def _footer(content: ReportContent) -> str:
    card = content.model
    return (
        f'<footer class="soft"><p>Model {escape(card.id)} ({escape(card.name)}), weights SHA-256 '
        f"{escape(card.weights_sha256 or 'unknown')}. Trained on: {escape(card.training.data)}. "
        f"{escape(card.limits)}</p>"
        "<p>The same numbers for machines: report.json beside this page, with masks/ and pictures/.</p></footer>"
    )
