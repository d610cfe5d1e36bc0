"""Which writers are alive, and what becomes of runs whose writers are silent or shall stop."""
