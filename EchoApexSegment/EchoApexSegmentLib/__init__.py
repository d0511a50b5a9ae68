"""The parts of the panel of EchoApexSegment; each shows one section and passes on what is done in it."""
