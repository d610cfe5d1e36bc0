"""Measurements of the run ledger, each printed beside a floor that does the same work."""
