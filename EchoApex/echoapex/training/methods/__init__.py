"""How an encoder is taught without labels: a folder for each method, with its losses, head, views and recipe."""
