"""What a run measures as events for TensorBoard, beside the metrics and never in place of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import EchoApexError

FOLDER = "tensorboard"


class TensorboardLog:
    """Writes to ``tensorboard/`` of a run; raises `EchoApexError` where TensorBoard is not installed."""

    def __init__(self, run: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as missing:
            rule = "TensorBoard is not installed: pip install echoapex[tensorboard], or leave out --tensorboard"
            raise EchoApexError(rule, value=missing.name) from None
        self._open: Any = SummaryWriter
        self._folder = run / FOLDER
        self._writer: Any = None

    def begin(self, step: int) -> None:
        """Goes on after ``step``: what an earlier process has shown of later steps is made again."""
        self.close()
        self._writer = self._open(str(self._folder), purge_step=step + 1)

    def note(self, facts: Mapping[str, Any]) -> None:
        """Shows the numbers of a step or a look."""
        if self._writer is None:
            return
        for name, value in facts.items():
            if name != "step" and isinstance(value, int | float):
                self._writer.add_scalar(name, value, facts["step"])

    def close(self) -> None:
        """Writes what is left."""
        if self._writer is not None:
            self._writer.close()
