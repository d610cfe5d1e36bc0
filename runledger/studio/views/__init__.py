"""Saved views: lists of runs under a name, one's own or shared."""
