"""Presents what is published: the dictionary, files for other tools, and the report."""
