"""Measuring from masks and landmarks: beats, volumes, walls, mass, grades; each value traceable to its frames."""
