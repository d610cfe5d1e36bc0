"""Test vectors: headers and value, the bytes that are hashed, the hash."""
