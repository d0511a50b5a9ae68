"""Where the libraries of EchoApex are."""

import importlib.util
import sys
from pathlib import Path


def addLibraries():
    """Lets Python import EchoApexLib and echoapex.

    Installed, they lie beside the module. In the sources they lie in the folder EchoApex next to it, from which Slicer
    does not import by itself.
    """
    if importlib.util.find_spec("EchoApexLib") is None:
        sys.path.append(str(Path(__file__).resolve().parents[2] / "EchoApex"))
