"""The parts of the panel of EchoApex, and what the panels have in common."""
