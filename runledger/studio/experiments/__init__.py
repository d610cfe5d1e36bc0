"""The list of experiments, and each with its runs."""
