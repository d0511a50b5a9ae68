"""What is tried on one simulated patient: masks, pointing prompts, views, walls, whole clips."""
