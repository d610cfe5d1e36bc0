"""Runs of processes that reach no ledger: noted in journals, answered from them, delivered by `runledger sync`."""
