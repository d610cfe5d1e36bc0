"""The history of one run: every event with what it changed."""
