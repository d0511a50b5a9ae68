"""A model that answers from a process of its own: Slicer's event loop holds Python's lock, and a thread would starve.

`serve` is the child, `InferenceProcess` starts it and speaks with it without ever waiting for it.
"""

from .inference_server import serve
from .restarting_client import InferenceProcess, ProcessState

__all__ = ["InferenceProcess", "ProcessState", "serve"]
