"""Names of streams, and the log and partition that each belongs to."""

from typing import Literal
from uuid import UUID, uuid5
from zlib import crc32

LogName = Literal["control", "values"]

CONTROL: LogName = "control"
VALUES: LogName = "values"

GENESIS_KIND = "log"
PRESENCE_STREAMS = "presence:"
"""What the names of all streams with what servers heard begin with."""

ABOUT_PEOPLE = frozenset({"user", "refusals"})
"""The kinds of streams whose payloads only an admin is shown: who logs in from where, and people's addresses."""

_VALUES_KINDS = frozenset({"values", "presence"})


def run_stream(run_id: str) -> str:
    """The stream of a run's decisions."""
    return f"run:{run_id}"


def values_stream(run_id: str, writer: str) -> str:
    """The stream of the values that one writer logged to a run."""
    return values_streams(run_id) + writer


def values_streams(run_id: str) -> str:
    """What the names of all streams with a run's values begin with."""
    return f"values:{run_id}:"


def presence_stream(server: str) -> str:
    """The stream of what one server process heard of writers."""
    return f"{PRESENCE_STREAMS}{server}"


def experiment_stream(log_id: str, name: str) -> str:
    """The stream of an experiment: the same for everybody who names it in this log."""
    return f"experiment:{uuid5(UUID(log_id), name)}"


def rule_stream(rule_id: str) -> str:
    """The stream of an alert rule."""
    return f"rule:{rule_id}"


def silence_stream(silence_id: str) -> str:
    """The stream of a silence."""
    return f"silence:{silence_id}"


def view_stream(view_id: str) -> str:
    """The stream of a saved view."""
    return f"view:{view_id}"


def recipient_stream(log_id: str, address: str) -> str:
    """The stream of what a recipient wants and can be told: the same however the address is cased."""
    return f"recipient:{uuid5(UUID(log_id), address.casefold())}"


def user_stream(log_id: str, name: str) -> str:
    """The stream of a user: the same however the name's letters are cased."""
    return f"user:{uuid5(UUID(log_id), name.casefold())}"


def notifications_stream(log_id: str) -> str:
    """The one stream of all claims and settlements: its head is the fence between servers."""
    return f"notifications:{log_id}"


def refusals_stream(log_id: str, server: str) -> str:
    """The stream of what one server refused."""
    return f"refusals:{uuid5(UUID(log_id), server)}"


def privacy_stream(log_id: str) -> str:
    """The one stream that says whether personal text is encrypted."""
    return f"privacy:{log_id}"


def genesis_stream(log_id: str) -> str:
    """The stream that holds nothing but a log's first record."""
    return f"{GENESIS_KIND}:{log_id}"


def kind_of(stream: str) -> str:
    """The word before the first colon."""
    return stream.partition(":")[0]


def key_of(stream: str) -> str:
    """The id in the stream, which is the record's key."""
    return stream.split(":", 2)[1]


def log_of(stream: str) -> LogName:
    """Which of the two logs a stream belongs to; kinds yet unknown are control streams."""
    return log_of_kind(kind_of(stream))


def log_of_kind(kind: str) -> LogName:
    """Which of the two logs streams of a kind belong to."""
    return VALUES if kind in _VALUES_KINDS else CONTROL


def partition_of(stream: str, partitions: int) -> int:
    """The partition of a stream in its log: crc32 of the key, modulo the pinned count."""
    if partitions == 1:
        return 0
    return crc32(key_of(stream).encode("ascii")) % partitions
