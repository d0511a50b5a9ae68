"""Cines, masks and landmarks as sequences of nodes in step with each other."""
