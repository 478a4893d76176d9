"""The trained generator alone, and what is drawn with it."""
