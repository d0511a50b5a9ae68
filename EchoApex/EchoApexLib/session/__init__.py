"""Interactive work in a scene: the session shown, prompts on their way, one cine and all cines of the scene."""
