"""Files of weights: safetensors that are those a card was written for, and that fit what the card describes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelError

if TYPE_CHECKING:
    import torch

_MOST_BYTES = 4 * 2**30
"""Our choice: the largest encoder takes a tenth of that."""


def read_tensors(file: Path, expected_hash: str, expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors in ``file``, with the names and shapes of ``expected``.

    Raises `ModelError`, naming the file, for one that is missing, damaged, or of another hash or architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = read_weights(file, expected_hash)
    try:
        tensors: dict[str, torch.Tensor] = load(data)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ModelError("The weights are no safetensors file", value=error, file=file) from None
    _check_tensors(tensors, expected, file)
    return tensors


def read_weights(file: Path, expected_hash: str) -> bytes:
    """The content of ``file``; raises `ModelError` where it cannot be read, or its hash is another one."""
    rule = f"Weights take at most {_MOST_BYTES:,} bytes"
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ModelError(rule, value=f"{file.stat().st_size:,}", file=file)
        if not file.is_file():
            raise ModelError("The weights cannot be read", value="no regular file", file=file)
        data = file.read_bytes()
    except OSError as error:
        raise ModelError("The weights cannot be read", value=error.strerror, file=file) from None
    found = hashlib.sha256(data).hexdigest()
    if found != expected_hash:
        rule = f"The weights are not those the card was written for ({expected_hash[:12] or 'no hash'})"
        raise ModelError(f"{rule}: install the model again, or choose another", value=found[:12], file=file)
    return data


def _check_tensors(tensors: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor], file: Path) -> None:
    """Raises `ModelError` unless names and shapes are those the card's architecture has, and all values finite."""
    import torch

    for name in sorted(tensors.keys() ^ expected.keys()):
        state = "missing" if name in expected else "not part of the architecture on the card"
        raise ModelError(f"A tensor of the weights is {state}", value=name, file=file)
    for name, value in tensors.items():
        if value.shape != expected[name].shape:
            wanted = tuple(expected[name].shape)
            raise ModelError(f"Tensor {name} must have shape {wanted}", value=tuple(value.shape), file=file)
        # Eight bits or four are too few, and PyTorch itself can do little with them.
        known = value.dtype in (torch.float32, torch.float16, torch.bfloat16, expected[name].dtype)
        same = known and value.is_floating_point() == expected[name].is_floating_point()
        if not same or not value.isfinite().all():
            raise ModelError(f"Tensor {name} must hold finite numbers of its kind", value=value.dtype, file=file)
