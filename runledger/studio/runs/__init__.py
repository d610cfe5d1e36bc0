"""The lists of runs."""
