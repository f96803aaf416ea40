"""The files of a run: found, hashed, read in a process of their own."""
