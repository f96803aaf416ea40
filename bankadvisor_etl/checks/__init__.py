"""The audit: small named checks of a run's evidence, each with its severity."""
