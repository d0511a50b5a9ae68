"""Refuses panel code that runs with PySide6 and fails, or does something else, in Slicer.

Slicer's `qt` is PythonQt: most of its differences are silent, or a line on standard error, and no test outside Slicer
shows them. The rules are in panel_names.py. `# panel: RULE WHY` on the line of a finding allows it.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import panel_calls
import panel_signals
import panel_statements
from panel_names import RULES
from panel_source import Source

ROOT = Path(__file__).resolve().parents[1]
PANELS = (
    *("EchoApex/EchoApex*.py", "EchoApex/EchoApexPanelLib/**/*.py"),
    *("EchoApexSegment/**/*.py", "EchoApexTrain/**/*.py"),
)
SUPPRESSION = re.compile(r"#\s*panel:\s*(\S*)\s*(.*)")
CHECKS: dict[type[ast.AST], list[Any]] = {
    **panel_statements.CHECKS,
    ast.Call: [*panel_calls.CHECKS, *panel_signals.CHECKS],
}


class Finding(NamedTuple):
    """A rule broken on a line, counted from 1."""

    line: int
    rule: str


def broken_rules(source: Source) -> Iterator[Finding]:
    """The rules that a file breaks, suppressed or not."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.stmt | ast.expr):
            for check in (check for kind in type(node).__mro__ for check in CHECKS.get(kind, ())):
                yield from (Finding(node.lineno, rule) for rule in check(source, node))


def suppressions(text: str) -> Iterator[tuple[Finding, str]]:
    """What each suppression of a file allows, and why."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        found = SUPPRESSION.match(token.string) if token.type == tokenize.COMMENT else None
        if found:
            yield Finding(token.start[0], found[1]), found[2]


def findings(text: str) -> list[Finding]:
    """The rules that a file breaks and does not suppress for a reason; a suppression that does nothing is one."""
    broken = set(broken_rules(Source(text)))
    allowed = dict(suppressions(text))
    idle = {Finding(given.line, "suppression") for given, why in allowed.items() if not why or given not in broken}
    return sorted({*(broken - {given for given, why in allowed.items() if why}), *idle})


def panel_files(root: Path) -> list[Path]:
    """The files below `root` that are panel code."""
    return sorted({path for pattern in PANELS for path in root.glob(pattern)})


def main(root: Path = ROOT) -> int:
    """Checks the panel code below `root`; 1 when a rule is broken."""
    files = panel_files(root)
    if not files:
        print("check_panels: there is no panel code", file=sys.stderr)
    lines = [
        f"{path.relative_to(root).as_posix()}:{found.line}: {found.rule} {RULES[found.rule]}\n"
        for path in files
        for found in findings(path.read_text(encoding="utf-8"))
    ]
    sys.stdout.writelines(lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
