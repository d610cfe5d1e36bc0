"""The folder of a script as it was: which of its files count, and the zip they are kept in."""
