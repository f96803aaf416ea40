"""File formats: workbooks, comma-separated text, the forms of a cell. Nothing here is specific to banks."""
