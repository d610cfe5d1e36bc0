"""Commands handled once: load, decide, append; and decide again after a lost race."""
