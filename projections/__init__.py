"""Views built from events: deleted and built again whenever one likes, identically."""
