"""What all rooms share of MRML and VTK: observers, images, coordinates, nodes that belong to one cine."""
