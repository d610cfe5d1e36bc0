"""Files of runs: names that lead nowhere else, and bytes kept under their SHA-256."""
