"""What a message says: templates, and the bounds within which they work."""
