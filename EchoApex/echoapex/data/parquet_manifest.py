"""The manifest of shards as Parquet: a row for each clip, for whatever reads tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..errors import EchoApexError
from ..io.safe_files import written_beside
from .shard_format import ClipRecord

_KINDS = {
    **dict.fromkeys(("simulated", "failed"), "bool"),
    **dict.fromkeys(("source_frame_count", "rows", "columns"), "int32"),
    "sector_certainty": "float64",
    **{name: ["int32"] for name in ("frames", "sizes", "crop")},
    **{name: ["float64"] for name in ("times_s", "mm_per_px", "zoom")},
    "offsets": ["int64"],
    "sector": [["int32"]],
}
"""Types of the columns in Arrow's words, lists as lists; others are text."""


def require_pyarrow() -> None:
    """Raises `EchoApexError` where Parquet cannot be written."""
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        rule = 'The manifest is written as Parquet, which needs pyarrow: pip install "echoapex[training]"'
        raise EchoApexError(rule)


def write_manifest(path: Path, records: Iterable[ClipRecord]) -> None:
    """Writes the records as one table, whole or not at all. Raises `OSError`."""
    import pyarrow
    from pyarrow import parquet

    schema = pyarrow.schema([(name, _type(_KINDS.get(name, "string"))) for name in ClipRecord.__dataclass_fields__])
    table = pyarrow.Table.from_pylist([vars(record) for record in records], schema=schema)
    with written_beside(path) as draft:
        parquet.write_table(table, draft, compression="zstd")


def _type(kind: Any) -> Any:
    import pyarrow

    if isinstance(kind, list):
        return pyarrow.list_(_type(kind[0]))
    return pyarrow.type_for_alias(kind)
