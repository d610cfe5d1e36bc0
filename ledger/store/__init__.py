"""ledger.db: the accepted events with their raw bytes, the heads, and how far each log was read."""
