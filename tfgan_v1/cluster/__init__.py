"""Training with several processes, on one machine or several: who they are, how they meet, and who is lost."""
