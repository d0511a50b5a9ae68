"""From trials to tables: each metric with its interval and the best constant predictor."""
