"""Users for an admin, and for everybody what is his own: tokens and sessions."""
