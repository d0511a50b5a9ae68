"""EchoApex engine: echo cines, simulated hearts, models and measurements. Knows nothing of Slicer, VTK or Qt."""

__version__ = "0.1.0"
