"""Rules, silences, recipients, and what became of what was told."""
