from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.alerts.certificates import Contexts, make_contexts
from tests.alerts.sinks import Sink, running


@pytest_asyncio.fixture(params=["one command at a time", "commands at once"])
async def sink(request: pytest.FixtureRequest) -> AsyncIterator[Sink]:
    """A relay that takes everything until it is told otherwise."""
    extensions = [*Sink().extensions, *(["PIPELINING"] if request.param == "commands at once" else [])]
    async with running(Sink(extensions=extensions)) as listening:
        yield listening


@pytest.fixture(scope="session")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    return make_contexts(tmp_path_factory.mktemp("certificates"))
