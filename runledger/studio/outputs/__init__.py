"""The files of a run: a tree of them, what they say, and logs as they grow."""
