"""The output of a run: printed lines, plots and images."""
