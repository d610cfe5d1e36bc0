"""The verbs of `runledger run`, a module for those that belong together; loaded when they are called."""
