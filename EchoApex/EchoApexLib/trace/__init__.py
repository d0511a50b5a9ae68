"""The trace of the ejection fraction: A4C, A2C and both in one chart, and both cines in step."""
