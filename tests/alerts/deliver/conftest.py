"""Alert services on a real ledger, with a channel that only remembers."""

from tests.ledger.conftest import kafka_parts, open_parts, sqlite_parts

__all__ = ["kafka_parts", "open_parts", "sqlite_parts"]
