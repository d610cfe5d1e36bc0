"""The verbs of `runledger alert`, a module for those that belong together; loaded when they are called."""
