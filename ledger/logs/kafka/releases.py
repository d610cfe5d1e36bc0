"""Which release of Kafka a broker is: it tells no number, only the requests that it knows."""

from collections.abc import Mapping

# The first release that knows this version of this request: (key of the request, version, release), newest first.
# Produce is 0, Fetch 1, ListOffsets 2, JoinGroup 11, DescribeGroups 15, ListGroups 16, AddPartitionsToTxn 24,
# StreamsGroupHeartbeat 88; see "Versions" in Kafka's message definitions (clients/src/main/resources/common/message).
_FIRSTS = (
    (88, 0, "4.1"),
    (0, 12, "4.0"),
    (1, 17, "3.9"),
    (0, 11, "3.8"),
    (1, 16, "3.7"),
    (24, 4, "3.6"),
    (1, 15, "3.5"),
    (1, 13, "3.1"),
    (2, 7, "3.0"),
    (0, 9, "2.8"),
    (1, 12, "2.7"),
    (16, 4, "2.6"),
    (11, 7, "2.5"),
    (15, 5, "2.4"),
)


def release_of(newest: Mapping[int, int]) -> str:
    """In words, from the newest version of each request that the broker knows."""
    for key, version, release in _FIRSTS:
        if newest.get(key, -1) >= version:
            return f"Kafka {release} or newer" if (key, version, release) == _FIRSTS[0] else f"Kafka {release}"
    return "older than Kafka 2.4"
