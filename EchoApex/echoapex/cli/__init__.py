"""The command line: one file for each verb, or group of verbs."""

from .command_line import main

__all__ = ["main"]
