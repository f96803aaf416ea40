"""What a run and its relatives do: the nightly run, check, health, finalize."""
