"""What `python -m tests.faults writers` does, done shortly."""

from pathlib import Path

from examples.kafka_broker import KafkaBroker
from tests.faults.kafka.programme import writers_under_fire
from tests.faults.kafka.storm import PATIENCE_SECONDS, Plan
from tests.faults.row import broken


def test_writers_and_their_broker_are_killed_and_no_answer_is_wrong(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    plan = Plan(8_000, hot=400, kills=2, freezes=2, tails=1, frozen=(0.3, 2.0), recovery=PATIENCE_SECONDS)
    assert broken(writers_under_fire(tmp_path, kafka_broker, plan, restarted_only=True)) == []
