"""Training on simulated hearts."""
