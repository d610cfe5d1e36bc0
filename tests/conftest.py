"""What all tests share: one Kafka broker a worker, the order of files, and the minutes of each folder."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from examples.kafka_broker import KafkaBroker
from examples.postgres_server import PostgresServer
from tests.timing import FolderMinutes, place_of

# How long an example takes says something about the machine, and nothing about the rule.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(FolderMinutes())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "kafka_broker" in getattr(item, "fixturenames", ()):
            item.add_marker("kafka")
    items.sort(key=lambda item: place_of(item.nodeid))


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A running broker for all tests of a session. Use topics of your own, and leave it running."""
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running PostgreSQL for all tests of a session. Use schemas of your own, and leave it running."""
    with PostgresServer() as server:
        yield server
