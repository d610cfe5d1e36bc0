"""A real topic that takes small batches only: what is too large is refused, each append by itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from examples.kafka_broker import KafkaBroker
from ledger.errors import TooLargeError
from ledger.logs.kafka.thread import KafkaThread
from ledger.logs.kafka.topics import settings_for
from tests.ledger.conftest import open_kafka
from tests.ledger.logs.test_contract import head_of, links
from tests.ledger.logs.test_kafka import admin, database

SMALL = 20_000
USABLE = SMALL - 512


def lower(servers: str, name: str) -> None:
    """Let both topics of a ledger take small batches only from now on."""
    settings = settings_for(1) | {"max.message.bytes": str(SMALL)}
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, f"runledger.{name}.{part}.v1", settings)
        for part in ("events", "values")
    ]
    admin(servers, lambda client: client.alter_configs(resources))


@pytest.fixture
def name() -> str:
    return f"z{uuid4().hex[:10]}"


@pytest.fixture
def opened(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> Iterator[KafkaThread]:
    """Opened while the topics took large batches."""
    with closing(database(tmp_path)) as replica, closing(open_kafka(kafka_broker.address, name, replica)) as it:
        yield it


def test_a_limit_that_is_lowered_meanwhile_hits_nobody_but_the_too_large(
    opened: KafkaThread, name: str, kafka_broker: KafkaBroker
) -> None:
    lower(kafka_broker.address, name)
    large = {5, 17, 18}

    def append(number: int) -> str | int:
        try:
            value = b"x" * (60_000 if number in large else 3_000)
            return opened.control.append(links(opened.control, f"run:{number}", value=value))[0]
        except TooLargeError as error:
            assert error.limit == USABLE
            return "too large"

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(append, range(40)))

    assert {number for number, answer in enumerate(answers) if answer == "too large"} == large
    assert sorted(answer for answer in answers if isinstance(answer, int)) == list(range(1, 38))


def test_a_limit_is_known_from_the_start(name: str, kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    with closing(database(tmp_path)) as replica:
        open_kafka(kafka_broker.address, name, replica).close()
        lower(kafka_broker.address, name)
        with closing(open_kafka(kafka_broker.address, name, replica)) as again:
            first = links(again.control, "run:a", value=b"x" * 18_000)
            assert again.control.append(first) == [1]
            too_large = links(again.control, "run:a", after=head_of(first), value=b"x" * 20_000)
            with pytest.raises(TooLargeError, match="and the log allows 19,488"):
                again.control.append(too_large)
            # Two that are not too large, but are so together, are one append and are not torn.
            with pytest.raises(TooLargeError):
                again.control.append(links(again.control, "run:a", after=head_of(first), count=2, value=b"x" * 12_000))
            assert again.control.append(links(again.control, "run:a", after=head_of(first))) == [2]
