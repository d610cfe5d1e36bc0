"""The page of one run: a tab each for what it is, its children, files, history and alerts."""
