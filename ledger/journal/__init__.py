"""Files beside the training process that hold what `log*()` returned for, until the ledger has it."""
