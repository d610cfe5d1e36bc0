"""The short version of the programme: kills while a replica is filled."""

from pathlib import Path

from examples.kafka_broker import KafkaBroker
from tests.faults.replica.coldstart import kill_while_filling
from tests.faults.row import broken


def test_a_replica_that_is_killed_on_the_way_is_the_same_at_the_end(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    assert broken([kill_while_filling(kafka_broker.address, tmp_path, records=12_000, kills=10)]) == []
