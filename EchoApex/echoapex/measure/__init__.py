"""Measuring: beats, volumes and ejection fraction from masks, each value traceable to its frames."""
