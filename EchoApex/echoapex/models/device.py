"""Which processor the model runs on, found by running a kernel there, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ModelError

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
_TRIED_SIDE = 16


def choose_device(requested: str = "auto") -> tuple[torch.device, str]:
    """The device to use and the reason in one sentence.

    ``auto`` takes the first of cuda, mps and cpu on which a small convolution gives the right answer. Raises
    `ModelError` for an unknown name, and when a device asked for by name does not work.
    """
    import torch

    if requested not in DEVICES:
        raise ModelError(f"The device must be one of {', '.join(DEVICES)}", value=requested)
    if requested != "auto":
        problem = _problem(requested)
        if problem:
            raise ModelError(f"The device {requested} does not work here", value=problem)
        return torch.device(requested), f"{requested} was asked for and works."
    problems = {name: _problem(name) for name in ("cuda", "mps")}
    for name, problem in problems.items():
        if not problem:
            return torch.device(name), f"{name} works."
    reasons = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
    return torch.device("cpu"), f"cpu, because no accelerator works ({reasons})."


def _problem(name: str) -> str:
    """Why a device cannot be used, empty when it can. Being listed is not enough: drivers and builds disagree."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        return "no usable NVIDIA device"
    if name == "mps" and not torch.backends.mps.is_available():
        return "no Apple device"
    try:
        image = torch.ones(1, 1, _TRIED_SIDE, _TRIED_SIDE, device=name)
        total = torch.nn.functional.conv2d(image, torch.ones(1, 1, 3, 3, device=name)).sum().item()
    except (RuntimeError, NotImplementedError) as error:
        return str(error).strip().splitlines()[0]
    expected = 9.0 * (_TRIED_SIDE - 2) ** 2
    return "" if total == expected else f"a convolution gave {total}, not {expected}"
