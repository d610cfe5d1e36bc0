"""The folder .runledger/ of an embedded workspace."""
