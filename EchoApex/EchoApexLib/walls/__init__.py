"""Measuring the walls of a PLAX cine: the protocol, its points and calipers."""
