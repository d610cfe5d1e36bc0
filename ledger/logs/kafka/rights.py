"""What a Kafka user may do with a topic, and what a server needs.

The cluster itself needs to grant nothing: an idempotent producer wants WRITE on its topics only (KIP-679).
"""

from collections.abc import Collection

from ledger.errors import UnavailableError
from ledger.logs.kafka.scripts import NEEDED, grant_command

# The numbers of org.apache.kafka.common.acl.AclOperation, which are the bits of a topic's authorized operations.
_OPERATIONS = {
    3: "READ",
    4: "WRITE",
    5: "CREATE",
    6: "DELETE",
    7: "ALTER",
    8: "DESCRIBE",
    10: "DESCRIBE_CONFIGS",
    11: "ALTER_CONFIGS",
}
_UNKNOWN = -(1 << 31)


class LacksRightError(UnavailableError):
    """The broker knows this user and does not let him do it; an operator may allow it at any time."""


def allowed_by(bits: int) -> frozenset[str] | None:
    """The operations that Metadata version 8 and later names by bits (KIP-430); None if the broker did not say."""
    if bits == _UNKNOWN:
        return None
    return frozenset(name for number, name in _OPERATIONS.items() if bits >> number & 1)


def lacking(allowed: Collection[str] | None, needed: Collection[str] = NEEDED) -> list[str]:
    """What is needed and not allowed; nothing, if the broker did not say."""
    return [] if allowed is None else [operation for operation in needed if operation not in allowed]


def refused(principal: str, operations: Collection[str], topic: str, servers: str) -> LacksRightError:
    """The error that names user, operations and topic, and the command that mends it."""
    return LacksRightError(
        f"{principal} lacks {' and '.join(operations)} on topic {topic}. An operator grants it: "
        f"{grant_command(principal, topic, servers, operations)}"
    )
