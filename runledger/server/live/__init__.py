"""The stream of changes (server-sent events): read once for everybody, its bytes built once."""
