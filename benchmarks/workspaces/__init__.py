"""Workspaces as teams leave them after months, of any size, made from a seed."""
