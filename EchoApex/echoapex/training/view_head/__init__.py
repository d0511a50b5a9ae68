"""A view head taught on the frozen encoder of a finished model: nothing of the model changes."""
