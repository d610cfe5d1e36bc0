"""The machine that submits: a supervisor a run, which outlives who submitted it."""
