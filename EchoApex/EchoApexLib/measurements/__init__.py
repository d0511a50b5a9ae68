"""Measurements and curves as tables and plots."""
