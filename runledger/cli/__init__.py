"""The command line: nouns, then verbs. Results go to stdout, everything else to stderr."""

from runledger.cli.app import main

__all__ = ["main"]
