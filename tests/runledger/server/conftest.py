"""A server for the tests of a module that do no harm to it."""

from collections.abc import Iterator

import pytest

from tests.runledger.server.running import Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("served")) as started:
        yield started
