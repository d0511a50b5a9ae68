"""Between the engine and a Slicer scene: MRML nodes from the engine's objects and back, for all modules of EchoApex.

Works in 3D Slicer and on the slicer-core package alone; knows nothing of Qt. Functions carry Slicer's camelCase; what
they take and give back are the engine's types. A node is ``Any`` here: MRML classes have no annotations.
"""
