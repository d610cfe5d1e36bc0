"""A Kafka cluster that makes mistakes to order: librdkafka's mock cluster, inside the confluent-kafka wheel.

It speaks the protocol on a real port, and is no Kafka:

- it stores a batch as it comes, and does not stamp the time of record, though its answer names one (1234);
- it checks no sequence numbers, and answers a fetch only after the longest wait that the fetch allows;
- it can make no topic and describe no setting for a client, so a test hands the facts of its topics over;
- it keeps 5 MiB a partition, in memory.
"""

import ctypes
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import confluent_kafka

DISCONNECT = -195
"""Not an answer: the broker closes the connection instead (`RD_KAFKA_RESP_ERR__TRANSPORT`)."""

FOR_EVER = 10_000
"""More often than any test asks."""

_PRODUCER = 0
_ALL = -1


class Api(IntEnum):
    """Requests of the protocol, by their key."""

    PRODUCE = 0
    FETCH = 1
    LIST_OFFSETS = 2
    METADATA = 3
    API_VERSIONS = 18
    INIT_PRODUCER_ID = 22


class MockError(Exception):
    """The mock cluster did not do what it was told."""


class MockCluster:
    """Brokers of one process, with topics that are made before they are used."""

    def __init__(self, brokers: int = 1) -> None:
        self.spoiled = False
        self._library = _library()
        problem = ctypes.create_string_buffer(512)
        self._client = self._library.rd_kafka_new(_PRODUCER, None, problem, len(problem))
        if not self._client:
            raise MockError(problem.value.decode())
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, brokers)
        self.address: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    def make_topic(self, topic: str, partitions: int) -> None:
        """Make a topic with one copy."""
        self._do("topic_create", topic.encode(), partitions, 1)

    def answer(self, api: Api, codes: Sequence[int]) -> None:
        """Answer the next requests of a kind with these error codes, one each, and do nothing else for them."""
        errors = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, api, len(codes), errors)

    def lead(self, topic: str, broker: int) -> None:
        """Make a broker (1, 2, …) the leader of a topic's first partition."""
        self._do("partition_set_leader", topic.encode(), 0, broker)

    def answer_late(self, api: Api, *answers: tuple[int, float], broker: int = 1) -> None:
        """Carry out the next requests of a kind (with code 0), and answer each only after so many seconds.

        From then on `answer` has no effect on this kind, and what is left over cannot be taken back.
        """
        self.spoiled = True
        pairs = [ctypes.c_int(number) for code, seconds in answers for number in (code, int(seconds * 1000))]
        self._do("broker_push_request_error_rtts", broker, api, len(answers), *pairs)

    def be_slow(self, seconds: float) -> None:
        """Answer everything after a while."""
        self._do("broker_set_rtt", _ALL, int(seconds * 1000))

    def go_down(self) -> None:
        """Close all connections and take no new ones."""
        self._do("broker_set_down", _ALL)

    def come_up(self) -> None:
        """Take connections again."""
        self._do("broker_set_up", _ALL)

    def say_of_topic(self, topic: str, code: int) -> None:
        """Name this error whenever somebody asks what the topic is."""
        self._library.rd_kafka_mock_topic_set_error(self._cluster, topic.encode(), code)

    def behave(self) -> None:
        """From now on without mistakes."""
        for api in Api:
            self._library.rd_kafka_mock_clear_request_errors(self._cluster, api)
        self.be_slow(0)
        self.come_up()

    def _do(self, name: str, *arguments: object) -> None:
        code = getattr(self._library, f"rd_kafka_mock_{name}")(self._cluster, *arguments)
        if code:
            raise MockError(f"{name}: {self._library.rd_kafka_err2str(code).decode()}")


def _library() -> ctypes.CDLL:
    """The library as the wheel brings it."""
    folder = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    library = ctypes.CDLL(str(next(folder.glob("librdkafka*"))))
    pointer, text, number, short = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int16
    takes: dict[str, list[type]] = {
        "new": [number, pointer, text, ctypes.c_size_t],
        "destroy": [pointer],
        "err2str": [number],
        "mock_cluster_new": [pointer, number],
        "mock_cluster_destroy": [pointer],
        "mock_cluster_bootstraps": [pointer],
        "mock_topic_create": [pointer, text, number, number],
        "mock_topic_set_error": [pointer, text, number],
        "mock_partition_set_leader": [pointer, text, ctypes.c_int32, ctypes.c_int32],
        "mock_push_request_errors_array": [pointer, short, ctypes.c_size_t, pointer],
        "mock_clear_request_errors": [pointer, short],
        "mock_broker_set_rtt": [pointer, ctypes.c_int32, number],
        "mock_broker_set_down": [pointer, ctypes.c_int32],
        "mock_broker_set_up": [pointer, ctypes.c_int32],
        # Codes and delays follow, one pair a request.
        "mock_broker_push_request_error_rtts": [pointer, ctypes.c_int32, short, ctypes.c_size_t],
    }
    for name, types in takes.items():
        getattr(library, f"rd_kafka_{name}").argtypes = types
    for name in ("new", "mock_cluster_new"):
        getattr(library, f"rd_kafka_{name}").restype = pointer
    for name in ("err2str", "mock_cluster_bootstraps"):
        getattr(library, f"rd_kafka_{name}").restype = text
    return library
