"""Measures generated images against real ones: metrics, and the classifier that some of them use."""
