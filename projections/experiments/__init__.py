"""The table of experiments: a row each."""
