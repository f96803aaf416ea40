"""The workbooks, one specification each."""
