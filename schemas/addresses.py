"""Recipients: bare e-mail addresses alone, so that none can smuggle a name, a header or a command; and channels."""

import re
from functools import lru_cache

SUBMITTER = "@submitter"
"""Stands for whoever started the run."""

EVERYBODY = "*"
"""Stands for every recipient, where a limit is for all who have none of their own."""

EMAIL = "email"
"""The channel that addresses go by."""

_CHANNEL = re.compile(r"channel:([a-z0-9][a-z0-9-]{0,62})")

_LENGTH = 254  # RFC 5321 4.5.3.1.3, without the angle brackets
_LOCAL_OCTETS = 64  # RFC 5321 4.5.3.1.1
_LABEL_LENGTH = 63  # RFC 1035 2.3.4
# RFC 5322 atext and, as RFC 6532 has it, any letter or digit of any script.
_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+")
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")


@lru_cache(4_096)
def why_no_address(text: str) -> str | None:
    """Why a text is no address that mail can be sent to, or None if it is one."""
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain:
        return "it is not of the form name@host"
    if len(text) > _LENGTH or len(local.encode("utf-8", "replace")) > _LOCAL_OCTETS:
        return "it is too long"
    if not all(_ATOM.fullmatch(atom) for atom in local.split(".")):
        return "what is before the @ holds a character that no bare address has"
    if not all(len(label) <= _LABEL_LENGTH and _LABEL.fullmatch(label) for label in domain.split(".")):
        return "what is behind the @ is no name of a host"
    return None


def same_address(address: str) -> str:
    """What two spellings of one address have in common."""
    return address.casefold()


def channel_in(recipient: str) -> str | None:
    """The name of the channel that a recipient such as `channel:ops` stands for; None for any other."""
    found = _CHANNEL.fullmatch(recipient)
    return found[1] if found and found[1] != EMAIL else None


def why_no_recipient(text: str) -> str | None:
    """Why nobody can be told by this name, or None if somebody can."""
    if text == SUBMITTER or channel_in(text) is not None:
        return None
    if text.startswith("channel:"):
        return "the name of a channel is lower-case letters, digits and '-'; `email` is what addresses go by"
    return why_no_address(text)
