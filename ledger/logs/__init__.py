"""The logs: append-only, arbitrating every race the same way for everybody."""
