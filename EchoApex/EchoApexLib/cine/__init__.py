"""One cine of a scene: the engine's cine of a browser, its view, its scale on screen."""
