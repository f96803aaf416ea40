"""File formats: workbooks, comma-separated text, the forms of a cell. They know files, not banks."""
