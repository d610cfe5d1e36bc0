"""The ledger: decisions on runs, the logs that arbitrate them, and the SDK for scripts."""
