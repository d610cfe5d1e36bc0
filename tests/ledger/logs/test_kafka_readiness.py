"""A cluster whose brokers are not ready yet, or for a moment not any more, is asked again."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import InvalidReplicationFactorError, PolicyViolationError

from ledger.errors import NotReadyError, UnavailableError
from ledger.logs.kafka.address import parse_address
from ledger.logs.kafka.admin import Admin


class Refusing:
    """A cluster that makes no topic."""

    def __init__(self, code: int) -> None:
        self._code = code

    async def create_topics(self, *_: Any, **__: Any) -> SimpleNamespace:
        return SimpleNamespace(topic_errors=[("topic", self._code, "All brokers are currently fenced")])


@pytest.mark.parametrize(
    ("code", "expected"),
    [(InvalidReplicationFactorError.errno, NotReadyError), (PolicyViolationError.errno, UnavailableError)],
)
@pytest.mark.asyncio
async def test_too_few_ready_brokers_for_a_topic_are_waited_for(code: int, expected: type[Exception]) -> None:
    admin: Any = Admin(Refusing(code), parse_address("kafka://127.0.0.1:9/name"))

    with pytest.raises(UnavailableError) as refused:
        await admin.create("topic", 1, 1, {})

    assert type(refused.value) is expected
