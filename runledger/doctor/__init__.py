"""Looking at a workspace and what it stands on: what is well, what is not, and the way out."""
