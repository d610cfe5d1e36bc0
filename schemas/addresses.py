"""E-mail addresses: bare ones alone, so that none can smuggle a name, a header or a command."""

import re

SUBMITTER = "@submitter"
"""Stands for whoever started the run."""

_LENGTH = 254  # RFC 5321 4.5.3.1.3, without the angle brackets
_LOCAL_OCTETS = 64  # RFC 5321 4.5.3.1.1
_LABEL_LENGTH = 63  # RFC 1035 2.3.4
# RFC 5322 atext and, as RFC 6532 has it, any letter or digit of any script.
_ATOM = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+")
_LABEL = re.compile(r"[^\W_](?:[\w-]*[^\W_])?")


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
