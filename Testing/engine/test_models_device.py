"""Choosing where to compute: tried by a real kernel, refused in one sentence."""

from __future__ import annotations

import pytest
import torch

from echoapex.errors import ModelError
from echoapex.models.device import choose_device


def test_a_device_is_chosen_with_a_reason() -> None:
    device, reason = choose_device("auto")
    assert device.type in reason
    assert choose_device("cpu")[0] == torch.device("cpu")
    assert torch.ones(1, device=device).sum().item() == 1.0


def test_a_device_that_computes_wrongly_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> torch.Tensor:
        raise RuntimeError("no kernel image is available\nmore lines")

    monkeypatch.setattr(torch.nn.functional, "conv2d", broken)
    with pytest.raises(ModelError, match="no kernel image is available") as refusal:
        choose_device("cpu")
    assert "\n" not in str(refusal.value)
    monkeypatch.setattr(torch.nn.functional, "conv2d", lambda *_: torch.zeros(1))
    with pytest.raises(ModelError, match="a convolution gave"):
        choose_device("cpu")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ModelError, match="auto, cpu, cuda, mps"):
        choose_device("tpu")
