"""Signed statements of what a ledger held, and what can be proven with them."""
