from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.alerts.certificates import Contexts, make_contexts
from tests.alerts.sinks import Sink, running


@pytest_asyncio.fixture
async def sink() -> AsyncIterator[Sink]:
    """A relay that takes everything until it is told otherwise."""
    async with running(Sink()) as listening:
        yield listening


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return make_contexts(tmp_path_factory.mktemp("certificates"))
