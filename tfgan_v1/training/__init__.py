"""A run: what is planned, the Session loop, and what it records."""
