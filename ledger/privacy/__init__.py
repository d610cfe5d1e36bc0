"""Personal text under keys that can be destroyed."""
