"""Whole studies, unattended: which files belong together, everything measured and reported, and the Slicer scene."""
