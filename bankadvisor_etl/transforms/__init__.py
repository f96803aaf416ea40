"""The formulas: frames in, frames out; no file, database, clock or environment."""
