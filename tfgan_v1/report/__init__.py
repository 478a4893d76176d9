"""What a run shows: lines, plots and pictures."""
