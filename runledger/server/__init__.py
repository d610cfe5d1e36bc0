"""The HTTP API of one workspace."""
