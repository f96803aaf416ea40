"""What is published, for those who look: the dictionary, files for other tools, and the report."""
