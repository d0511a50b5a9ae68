"""Networks that torch compiles: in full or not at all, and where that is not possible it is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from ..errors import EchoApexError
from .team import first_line


def compile_networks(networks: Sequence[nn.Module]) -> None:
    """Has torch compile ``networks`` when first used, for each shape that they see; weights keep their names."""
    import torch._dynamo

    # By default torch goes on without, and a warning tells of it once.
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    for network in networks:
        network.compile(dynamic=False)


@contextmanager
def compiling() -> Iterator[None]:
    """Around a use of such networks: raises `EchoApexError` where they cannot be compiled."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
            raise
        rule = "torch cannot compile the networks here; give compile = false in the recipe"
        raise EchoApexError(rule, value=first_line(error)) from None


def without_compiling(compiled: bool) -> AbstractContextManager[None]:
    """Around a use of networks that may be ``compiled`` in other shapes, for which it is not worth it."""
    # Importing what decides it takes seconds.
    return torch.compiler.set_stance("force_eager") if compiled else nullcontext()
