"""The root of every error that this project raises on purpose."""


class LedgerError(Exception):
    """Something the ledger refuses or cannot do; the text names the thing and the way out."""


class BadRecordError(LedgerError):
    """A record that breaks the header rules: void for every reader, for ever."""

    def __init__(self, rule: str) -> None:
        super().__init__(f"the record breaks a header rule: {rule}")
        self.rule = rule
