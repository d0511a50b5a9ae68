"""The Host: EchoApex's panels in a window of their own, on slicer-core and PySide6, without 3D Slicer.

It is a place to try and to test the panels, and no proof of how they behave in 3D Slicer: widgets of Slicer and CTK
are small stand-ins written for this project.
"""

from __future__ import annotations

import ctypes.util
import os
import sys

# Enumerations of PythonQt are integers. PySide6 reads this when it is first imported.
os.environ["PYSIDE6_OPTION_PYTHON_ENUM"] = "0x02"

# Without a display VTK would try X first and warn; it draws by EGL, or in main memory.
if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
    _window = "vtkEGLRenderWindow" if ctypes.util.find_library("EGL") else "vtkOSOpenGLRenderWindow"
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", _window)
