"""The run table: a row a run, and attributes to find runs by."""
