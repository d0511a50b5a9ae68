"""The report as one page: nothing outside it is needed, and its report security policy allows nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

from .. import __version__
from .clip_section import ClipPictures, clip_section, player_data
from .clips_overview import clip_table, missing_section
from .curve_chart import draw_chart
from .curve_values import biplane_volume_curve
from .display_names import HOW_ALL, how_made, method, patient_line
from .measurements_table import key_table, measurement_table
from .report_data import StudyReport

MAX_BYTES = 12_000_000
"""The page is to stay below this: the frames of all clips share most of it."""

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_HERE = Path(__file__).parent


def banner(simulated_only: bool) -> str:
    """What must stand above every number of this model."""
    what = "Demonstration model, trained on simulated hearts only." if simulated_only else "Research software."
    return f"{what} Not a medical device, not for clinical use."


def report_page(report: StudyReport, pictures: dict[str, ClipPictures]) -> str:
    """The whole page; ``pictures`` has what is shown of each clip, by its identifier."""
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    sections = [
        _results(report),
        missing_section(report),
        clip_table(report),
        *(clip_section(clip, pictures[clip.id], report.truth) for clip in report.clips),
        f'<section id="numbers"><h2>All numbers</h2>{measurement_table(report)}</section>',
        _how(report),
    ]
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(report.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>",
            _header(report),
            f"<main>{''.join(sections)}</main>",
            _footer(report),
            f'<script type="application/json" id="clips">{player_data(report, pictures)}</script>',
            f"<script>\n{script}</script>\n</body>\n</html>\n",
        ]
    )


def _header(report: StudyReport) -> str:
    return (
        f'<header><h1>{escape(report.title)}</h1><p class="soft">EchoApex for 3D Slicer {escape(__version__)} · model '
        f"{escape(report.model.id)}{_kind(report)} · {escape(patient_line(report.patient))}</p>"
        f'<p class="banner" role="note">{escape(banner(report.model.simulated_only))}</p>'
        '<noscript><p class="soft">Without JavaScript the clips do not play; the numbers, curves and stills are all '
        "here.</p></noscript></header>"
    )


def _kind(report: StudyReport) -> str:
    if not report.simulated:
        return ""
    every = all(clip.cine.simulated for clip in report.clips)
    return f" · <strong>{'SIMULATED: all clips' if every else 'SIMULATED and real clips'}</strong>"


def _results(report: StudyReport) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    more = (
        '<p class="soft">Each frame leads to its picture, with the outline or caliper drawn in. '
        '<a href="#numbers">All numbers</a>; <a href="#how">how each was made</a>.</p>'
    )
    listed = f'<ul class="soft">{notes}</ul>' if notes else ""
    return f'<section id="results"><h2>Results</h2>{key_table(report)}{more}{listed}{_biplane(report)}</section>'


def _biplane(report: StudyReport) -> str:
    if report.biplane is None:
        return ""
    sources = {source.clip for source in report.biplane.sources}
    simulated = all(report.clip(name).cine.simulated for name in sources)
    chart = draw_chart(biplane_volume_curve(report.biplane, simulated=simulated))
    return f'<div class="biplane">{chart.svg}</div>'


def _how(report: StudyReport) -> str:
    methods = dict.fromkeys(item.method for item in report.measurements)
    entries = [*HOW_ALL, *((method(name), how_made(name)) for name in methods)]
    return f'<section id="how"><h2>How each number was made</h2><dl>{"".join(_definitions(entries))}</dl></section>'


def _definitions(entries: Iterable[tuple[str, str]]) -> Iterable[str]:
    for title, text in entries:
        yield f"<dt>{escape(title)}</dt><dd>{escape(text)}</dd>"


def _footer(report: StudyReport) -> str:
    card = report.model
    return (
        f'<footer class="soft"><p>Model {escape(card.id)} ({escape(card.name)}), weights SHA-256 '
        f"{escape(card.weights_sha256 or 'unknown')}. Trained on: {escape(card.training.data)}. "
        f"{escape(card.limits)}</p>"
        "<p>The same numbers for machines: report.json beside this page, with masks/ and pictures/.</p></footer>"
    )
