"""The commands of the program: each module has the flags of one, `parse`, and what it does, `run`."""
