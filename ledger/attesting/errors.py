"""What can be wrong with attestations and the keys under them."""

from schemas.errors import LedgerError


class AttestationError(LedgerError):
    """A text that is no attestation, or one that nobody who is known has signed."""


class KeyFormError(LedgerError):
    """A key that cannot sign or check a note."""
