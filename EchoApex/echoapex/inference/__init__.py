"""A model looks at one cine: every frame encoded once, structures, landmarks and view found, masks propagated."""
