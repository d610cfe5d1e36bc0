"""The page that explains the HTTP API, made of its own description."""
