"""The scores of a model as one page with figures."""
