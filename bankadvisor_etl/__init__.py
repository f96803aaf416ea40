"""Mexican bank figures from CNBV's files into PostgreSQL."""

__version__ = "0.1.0"
