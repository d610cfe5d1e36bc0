"""A workspace behind a URL; with it, a process needs nothing but the standard library."""
