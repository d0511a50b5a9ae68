"""What a run has measured, read again from its metrics, the newest first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import EchoApexError
from ..io.untrusted_json import parse_json
from .run_folder import METRICS_FILE


def latest_facts(run: Path) -> Iterator[dict[str, Any]]:
    """The lines of the metrics, the newest first, with their ``step``; one that is being written is left out."""
    try:
        lines = (run / METRICS_FILE).read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise EchoApexError("The metrics of a run cannot be read", value=error.strerror, file=run) from None
    for line in reversed(lines):
        try:
            facts = parse_json(line, "no line")
        except EchoApexError:
            continue
        if isinstance(facts, dict) and isinstance(facts.get("step"), int):
            yield facts


def latest_steps(run: Path) -> Iterator[dict[str, Any]]:
    """What was learned in each step."""
    return (facts for facts in latest_facts(run) if "loss" in facts)


def latest_looks(run: Path) -> Iterator[dict[str, Any]]:
    """What was seen of the embeddings."""
    return (facts for facts in latest_facts(run) if "loss" not in facts)
