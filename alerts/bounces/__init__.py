"""Mails that come back: read, checked for our signature, and turned into suppressed recipients."""
