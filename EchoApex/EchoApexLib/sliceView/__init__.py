"""The slice view: which clip it shows, and mouse, wheel and clicks in it."""
