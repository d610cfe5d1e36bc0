"""What topics must be, in words and as commands; releases, rights and lag: rules without a broker."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.lag import Lag
from ledger.logs.kafka.operating import complaints
from ledger.logs.kafka.releases import release_of
from ledger.logs.kafka.rights import allowed_by, lacking
from ledger.logs.kafka.scripts import NEEDED
from ledger.logs.kafka.topics import PartitionFacts, TopicFacts, concerns, problems, settings_for
from schemas.streams import CONTROL, VALUES

ADDRESS = parse_address("kafka://h1:9092,h2:9092/team")
THREE = TopicFacts(
    name="runledger.team.events.v1",
    partitions=1,
    replicas=3,
    brokers=3,
    settings=settings_for(3),
    layout=(PartitionFacts(0, 1, (1, 2, 3), (1, 2, 3)),),
)


def told(facts: TopicFacts | None) -> list[tuple[str, str | None, bool]]:
    return [(each.text, each.command, each.minor) for each in complaints(ADDRESS, {CONTROL: facts})]


def test_a_topic_that_is_as_it_must_be_is_not_complained_of() -> None:
    assert told(THREE) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("retention.ms", "604800000"),
        ("retention.bytes", "1"),
        ("cleanup.policy", "compact"),
        ("message.timestamp.type", "CreateTime"),
        ("min.insync.replicas", "1"),
        ("unclean.leader.election.enable", "true"),
        ("max.message.bytes", "100000"),
    ],
)
def test_each_setting_is_named_with_the_command_that_mends_it(name: str, value: str) -> None:
    ((text, command, minor),) = told(replace(THREE, settings={**THREE.settings, name: value}))

    assert text.startswith(f"{name}={value} (")
    assert command is not None
    assert command.startswith(
        "kafka-configs.sh --bootstrap-server h1:9092,h2:9092 --alter --entity-type topics "
        f"--entity-name {THREE.name} --add-config {name}="
    )
    assert not minor
    mended = command.rpartition(f"{name}=")[2]
    assert told(replace(THREE, settings={**THREE.settings, name: mended})) == []


@pytest.mark.parametrize(
    ("change", "said", "minor"),
    [
        ({"replicas": 1}, "1 replica(s) (with 3 brokers it must have at least 3)", False),
        ({"layout": (PartitionFacts(0, -1, (1, 2, 3), (1, 2)),)}, "has no leader", False),
        ({"layout": (PartitionFacts(0, 1, (1, 2, 3), (1,)),)}, "needs 2 to be written", False),
        ({"layout": (PartitionFacts(0, 1, (1, 2, 3), (1, 2)),)}, "2 of 3 copies in sync", True),
        ({"partitions": 2}, "2 partition(s) (it must have 1)", False),
    ],
)
def test_what_no_setting_mends_is_said_without_a_command(change: dict[str, Any], said: str, minor: bool) -> None:
    ((text, command, is_minor),) = told(replace(THREE, **change))

    assert said in text
    assert (command, is_minor) == (None, minor)


def test_a_server_refuses_only_what_loses_history() -> None:
    slow = replace(THREE, layout=(PartitionFacts(0, 1, (1, 2, 3), (1,)),))

    assert problems(slow, 1) == []
    assert len(concerns(slow)) == 1
    assert problems(replace(THREE, replicas=1), 1) == ["1 replica(s) (with 3 brokers it must have at least 3)"]


def test_a_topic_that_is_not_there_and_a_right_that_is_missing() -> None:
    assert told(None) == [("it is not there", "runledger topic create kafka://h1:9092,h2:9092/team", False)]
    ((text, command, _),) = told(replace(THREE, allowed=frozenset({"DESCRIBE", "READ", "DESCRIBE_CONFIGS"})))
    assert text == "User:ANONYMOUS lacks WRITE"
    assert command is not None
    assert command.endswith(f"--operation Write --topic {THREE.name}")


def test_values_may_have_any_number_of_partitions() -> None:
    values = replace(THREE, name="runledger.team.values.v1", partitions=17)

    assert complaints(ADDRESS, {VALUES: values}) == []


def test_operations_are_read_from_bits() -> None:
    # READ 3, WRITE 4, DESCRIBE 8, DESCRIBE_CONFIGS 10.
    allowed = allowed_by(1 << 3 | 1 << 4 | 1 << 8 | 1 << 10)

    assert allowed == frozenset(NEEDED)
    assert lacking(allowed) == []
    assert lacking(allowed_by(1 << 3 | 1 << 8)) == ["WRITE", "DESCRIBE_CONFIGS"]
    assert allowed_by(-(1 << 31)) is None
    assert lacking(None) == []


@pytest.mark.parametrize(
    ("newest", "release"),
    [
        ({0: 13, 1: 18, 88: 0}, "Kafka 4.1 or newer"),
        ({0: 12, 1: 17}, "Kafka 4.0"),
        ({0: 11, 1: 17}, "Kafka 3.9"),
        ({0: 9, 1: 12}, "Kafka 2.8"),
        ({0: 3}, "older than Kafka 2.4"),
    ],
)
def test_a_release_is_known_by_its_requests(newest: dict[int, int], release: str) -> None:
    assert release_of(newest) == release


def test_lag_is_counted_from_when_the_end_was_known_to_be_read() -> None:
    spot = ("t", 0)
    lag = Lag(0.0)
    lag.told(1.0, {spot: 10}, {spot: 10})
    assert (lag.records({spot: 10}), lag.seconds(1.5)) == (0, 0.5)

    lag.told(2.0, {spot: 20}, {spot: 10})
    lag.told(3.0, {spot: 30}, {spot: 15})
    assert (lag.records({spot: 15}), lag.seconds(3.0)) == (15, 2.0)

    # It is behind still, but all that was there at 2.0 is read.
    lag.told(4.0, {spot: 40}, {spot: 25})
    assert (lag.records({spot: 25}), lag.seconds(4.0)) == (15, 2.0)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1))
def test_lag_is_never_less_than_since_the_last_end_that_was_reached(steps: list[tuple[int, int]]) -> None:
    """Against a model that remembers every end it was told."""
    spot, lag, ends, end, read = ("t", 0), Lag(0.0), [(0.0, 0)], 0, 0
    for at, (written, taken) in enumerate(steps, start=1):
        end += written
        read = min(end, read + taken)
        ends.append((float(at), end))
        lag.told(float(at), {spot: end}, {spot: read})

        reached = max(when for when, there in ends if there <= read)
        assert lag.seconds(at) >= at - reached
        assert (lag.records({spot: read}) == 0) == (read == end)
        assert read < end or lag.seconds(at) == 0
