"""The ids of mails: derived from what they are about, so that a mail sent again is seen to be the same."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

_DOMAIN_LENGTH = 31  # with it no id is longer than 70 characters, which Python's and others' folding leaves alone
_NO_DOMAIN = "runledger.invalid"


@dataclass(frozen=True, slots=True)
class MailIds:
    """`message` is the mail's own id, `thread` the id that all mails of a run refer to."""

    notification: str
    message: str
    thread: str

    @classmethod
    def of(cls, notification: str, thread: str, domain: str) -> Self:
        """Derive both; `thread` is any text that names the run among all runs of the domain."""
        domain = _short(domain)
        return cls(notification, f"<n.{_digest(notification)}@{domain}>", f"<run.{_digest(thread)}@{domain}>")


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _short(domain: str) -> str:
    """The domain, or as many of its last labels as fit."""
    labels = domain.lower().split(".")
    if not domain.isascii() or not all(label.replace("-", "").isalnum() for label in labels):
        return _NO_DOMAIN
    while len(".".join(labels)) > _DOMAIN_LENGTH:
        labels = labels[1:]
    return ".".join(labels) or _NO_DOMAIN
