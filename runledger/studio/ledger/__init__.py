"""The ledger itself: what its logs hold, and whether it was changed."""
