"""``python -m slicerhost [FILES]``: the panels of this repository in a window of their own."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from typing import Any


def main(arguments: list[str]) -> None:
    """Shows the window until it is closed; FILES go to the module's ``openFile``."""
    files = _parse(arguments)
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        print("EchoApex Host: there is no display, so that nothing will be seen", file=sys.stderr)
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    # Python would notice Ctrl-C only when a slot runs.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # What needs Qt is slow to import, and a wrong argument is told before.
    from .host import boot, leave

    host = boot(testing=False)
    try:
        code = _run(host, files)
    except Exception:
        traceback.print_exc()
        code = 1
    leave(host, code)


def _run(host: Any, files: list[str]) -> int:
    from .host import loadModules
    from .loop import runHoldingLock

    names = loadModules(host)
    host.window.show()
    if names:
        _open("EchoApexSegment" if "EchoApexSegment" in names else names[0], files)
    host.app.startupCompleted.emit()
    return runHoldingLock(host.app)


def _parse(arguments: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(prog="run.py app", description="EchoApex's panels without 3D Slicer")
    parser.add_argument("files", nargs="*", metavar="FILE", help="cines to open")
    return parser.parse_args(arguments).files


def _open(name: str, files: list[str]) -> None:
    import slicer

    slicer.util.selectModule(name)
    panel = slicer.util.getModuleWidget(name)
    for file in files:
        if not hasattr(panel, "openFile"):
            raise NotImplementedError(f"The module {name} opens no files")
        panel.openFile(file)


if __name__ == "__main__":
    main(sys.argv[1:])
