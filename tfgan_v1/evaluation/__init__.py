"""Measures generated images against real ones: metrics, the classifier they use, the command `evaluate`."""
