"""The table of files: a row a run and name."""
