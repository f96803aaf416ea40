"""The private PostgreSQL of ``--embedded``."""
