"""Read models: views folded from events, and their queries."""
