"""What a run keeps on disk, and how it survives a crash."""
