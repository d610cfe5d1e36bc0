"""Anything at all sent to the API, in short; `python -m tests.faults api` sends 100,000 cases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.api.fuzz import Known, fuzz, session_of
from tests.faults.api.odd import try_odd
from tests.faults.api.serving import served
from tests.runledger.server.running import Server

Served = tuple[Server, str, Known]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("fuzzed")) as found:
        yield found


def test_what_is_drawn_from_the_description_is_answered_as_it_says(target: Served) -> None:
    server, token, known = target
    found = fuzz(server.url, token, known, examples=1, number=1, planted=6)

    assert found.failures == {}
    assert found.cases > 300
    assert {200, 400, 404, 422} <= found.statuses.keys()


def test_odd_values_anywhere_are_no_more_than_refused(target: Served) -> None:
    server, token, known = target
    session = session_of(token)
    found = try_odd(session, server.url, known, server.get("/openapi.json").json(), every=4)
    session.close()

    assert found.failures == {}
    assert found.cases > 1_000


def test_every_answer_has_a_described_shape(target: Served) -> None:
    description = target[0].get("/openapi.json").json()
    answers = {
        f"{method} {path}": answer["content"]
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
    }

    assert not [where for where, content in answers.items() if not content or not all(_shaped(content))]


def _shaped(content: dict[str, dict[str, object]]) -> Iterator[bool]:
    for each in content.values():
        yield bool(each.get("schema"))


def test_a_failure_is_seen(tmp_path: Path) -> None:
    """The instrument itself: of an operation that does not answer as it says, both programmes tell."""
    with served(tmp_path) as (server, token, known):
        session = session_of(token)
        description = server.get("/openapi.json").json()
        server.stop()
        assert try_odd(session, server.url, known, description, every=500).failures
        session.close()
