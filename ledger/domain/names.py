"""Rules for the names that users choose."""

import re
from collections.abc import Mapping
from uuid import UUID

from ledger.errors import InvalidNameError, LimitExceededError
from schemas.limits import UNSTORABLE, Limits

# Parity B3: the first character is a letter or digit, the rest are word characters or dashes.
_EXPERIMENT = re.compile(r"[A-Za-z0-9][\w-]*")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
# At four bytes a letter it still fits into the header that names the actor.
_USER_LENGTH = 100
_USER = re.compile(rf"[^\W_][\w.@+-]{{0,{_USER_LENGTH - 1}}}")


def check_experiment_name(name: str, limits: Limits) -> None:
    """Raise InvalidNameError unless the name keeps rule B3."""
    if (
        not isinstance(name, str)
        or not 1 <= len(name) <= limits.experiment_name_length
        or not _EXPERIMENT.fullmatch(name)
    ):
        raise InvalidNameError(
            f"experiment name {name!r} is not allowed: 1 to {limits.experiment_name_length} characters, "
            "the first a letter or digit, the rest letters, digits, '_' or '-'"
        )


def check_run_id(run_id: str, limits: Limits) -> None:
    """Raise InvalidNameError unless the id can name a stream."""
    if not isinstance(run_id, str) or not 1 <= len(run_id) <= limits.run_id_length or not _RUN_ID.fullmatch(run_id):
        raise InvalidNameError(
            f"run id {run_id!r} is not allowed: 1 to {limits.run_id_length} characters, "
            "the first a letter or digit, the rest letters, digits, '_', '.' or '-'"
        )


def check_user_name(name: str) -> None:
    """Raise InvalidNameError unless a user may go by the name: it becomes the actor of events."""
    if not isinstance(name, str) or not _USER.fullmatch(name):
        raise InvalidNameError(
            f"user name {name!r} is not allowed: 1 to {_USER_LENGTH} characters, the first a letter or digit, the rest "
            "letters, digits, '_', '.', '@', '+' or '-'"
        )


def check_uuid(what: str, text: str) -> None:
    """Raise InvalidNameError unless the id of a rule or silence is a UUID in its usual spelling."""
    try:
        usual = str(UUID(text))
    except ValueError:
        usual = ""
    if not usual or usual != text:
        raise InvalidNameError(f"{what} id {text!r} is no UUID in lower case, such as {UUID(int=0)}")


def check_key(what: str, key: str, length: int) -> None:
    """Raise unless a tag, property or parameter key is text of a bearable length."""
    if not isinstance(key, str) or not key.strip():
        raise InvalidNameError(f"a {what} needs a key that is not empty; got {key!r}")
    if key != key.strip() or not key.isprintable():
        raise InvalidNameError(f"{what} key {key!r} begins or ends with a space or holds a control character")
    check_length(f"{what} key", key, length)


def check_length(what: str, text: str | None, length: int) -> None:
    """Raise LimitExceededError if a text is longer than `length` characters."""
    if text is None:
        return
    if UNSTORABLE.search(text):
        raise InvalidNameError(
            f"the {what} holds a NUL or half of a surrogate pair, which no store keeps: {text[:40]!r}"
        )
    if len(text) > length:
        raise LimitExceededError(
            f"the {what} has {len(text):,} characters and {length:,} are allowed: {text[:40]!r}..."
        )


def check_count(what: str, count: int, limit: int) -> None:
    """Raise LimitExceededError if there would be more of something than the limit."""
    if count > limit:
        raise LimitExceededError(f"a run may have {limit:,} {what}; this would be number {count:,}")


def check_pairs(what: str, pairs: Mapping[str, str | None], key_length: int, value_length: int) -> None:
    """Raise unless each key and value may be one of a tag or property."""
    for key, value in pairs.items():
        check_key(what, key, key_length)
        check_length(f"{what} {key!r}", value, value_length)
