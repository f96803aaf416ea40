"""The files of a run: found, hashed, and watched for changes."""
