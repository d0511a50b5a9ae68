"""A whole study as a scene, and from the folder of its report."""
