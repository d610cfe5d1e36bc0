"""Two servers on one Kafka topic, each with a folder of its own."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from ledger.commands import AddProperties, StartRun, TagRun
from ledger.errors import WrittenOnceError
from ledger.remote.client import RemoteClient
from ledger.values.batch import Batch
from ledger.wire import command_to
from tests.runledger.server.live.following import following
from tests.runledger.server.running import Server, running

T = TypeVar("T")


@pytest.fixture(scope="module")
def servers(kafka_broker: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    log = f"kafka://{kafka_broker.address}/s{uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        one, two = (stack.enter_context(running(folder / name, "--log", log)) for name in ("a", "b"))
        yield one, two


@pytest.fixture
def clients(servers: tuple[Server, Server]) -> Iterator[tuple[RemoteClient, RemoteClient]]:
    with closing(RemoteClient(servers[0].url)) as one, closing(RemoteClient(servers[1].url)) as two:
        yield one, two


def test_both_serve_one_log(servers: tuple[Server, Server]) -> None:
    one, two = (server.get("/api/v1/positions").json()["log"] for server in servers)

    assert one == two


def test_of_two_values_for_a_property_one_wins_everywhere(clients: tuple[RemoteClient, RemoteClient]) -> None:
    for attempt in range(10):
        run_id = f"race-{uuid4()}"
        clients[attempt % 2].execute(StartRun(run_id=run_id, experiment="race"))
        lost = race(clients, run_id)
        # Who was refused was refused by what his server has read, so both have read the winner.
        seen = [client.run(run_id)["properties"]["winner"] for client in clients]

        assert len(lost) == 1
        assert seen == [lost[0].old, lost[0].old]


def race(clients: tuple[RemoteClient, RemoteClient], run_id: str) -> list[WrittenOnceError]:
    """Both write the property at once; the answer is who was refused."""
    lost: list[WrittenOnceError] = []
    together = threading.Barrier(2)

    def write(client: RemoteClient, value: str) -> None:
        together.wait()
        try:
            client.execute(AddProperties(run_id=run_id, properties={"winner": value}))
        except WrittenOnceError as error:
            lost.append(error)

    threads = [threading.Thread(target=write, args=pair) for pair in zip(clients, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return lost


def test_what_was_written_to_one_is_read_from_the_other(
    servers: tuple[Server, Server], clients: tuple[RemoteClient, RemoteClient]
) -> None:
    run_id = f"fresh-{uuid4()}"
    clients[0].execute(StartRun(run_id=run_id, experiment="fresh"))
    for step in range(30):
        position = clients[0].execute(TagRun(run_id=run_id, tags={"step": str(step)})).position
        document = servers[1].get(f"/api/v1/runs/{run_id}?at_least={position}").json()
        history = servers[1].get(f"/api/v1/runs/{run_id}/history?at_least={position}").json()
        assert document["tags"] == {"step": str(step)}
        assert history[-1]["position"] == position


@pytest.mark.kafka
def test_a_server_outlives_its_broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the broker it answers questions, and commands by "in doubt"; their ids find out later.

    It says that it is not ready, and why, as long as it does not know what others wrote.
    """
    monkeypatch.setenv("RUNLEDGER_LAG_SECONDS", "10")
    with KafkaBroker(tmp_path / "kafka") as broker:
        log = f"kafka://{broker.address}/outlives"
        with running(tmp_path / "data", "--log", log) as server, closing(RemoteClient(server.url)) as client:
            client.execute(StartRun(run_id="r", experiment="e"))
            command = TagRun(run_id="r", tags={"a": "b"})
            broker.kill()
            doubtful = server.ask("POST", "/api/v1/commands", json.dumps(command_to(command)).encode())
            read = server.get("/api/v1/runs/r")
            behind = until(lambda: server.get("/readyz"), lambda reply: reply.status == 503)
            figures = figures_of(server)
            broker.restart()
            answer = client.execute(command)
            tags = client.run("r")["tags"]
            until(lambda: server.get("/readyz"), lambda reply: reply.status == 200)
            code = server.stop()

    assert (doubtful.status, doubtful.json()["type"]) == (503, "urn:runledger:problem:unknown-outcome")
    assert read.status == 200
    assert "end of its control log for" in behind.json()["detail"]
    assert "RUNLEDGER_LAG_SECONDS allows 10" in behind.json()["detail"]
    assert figures['runledger_lag_seconds{log="control"}'] > 10
    assert figures["runledger_producer_replacements_total"] >= 1
    assert (answer.changed, tags, code) == (True, {"a": "b"}, 0)


def read_up_to(server: Server, position: int | None) -> None:
    """Wait until the server has read so far."""
    assert server.get(f"/api/v1/runs?at_least={position}").status == 200


def test_a_server_shows_what_it_appended_and_how_far_it_is(
    servers: tuple[Server, Server], clients: tuple[RemoteClient, RemoteClient]
) -> None:
    run_id = f"figures-{uuid4()}"
    before = figures_of(servers[0])
    began = clients[0].execute(StartRun(run_id=run_id, experiment="fresh")).position
    clients[0].log_values(_batch(run_id, 1, 10))
    read_up_to(servers[1], began)
    position = servers[1].get("/api/v1/positions").json()["position"]

    def told(server: Server) -> dict[str, float]:
        return until(lambda: figures_of(server), lambda found: not found['runledger_lag_events{log="values"}'])

    one, two = told(servers[0]), told(servers[1])
    started = 'runledger_appended_events_total{type="runledger.run.started.v1"}'
    values = 'runledger_appended_events_total{type="runledger.run.logged.v1"}'
    count = 'runledger_append_seconds_count{log="control"}'
    assert one[started] == before.get(started, 0) + 1
    assert one[values] == before.get(values, 0) + 1
    assert one[count] > before[count]
    assert one['runledger_append_seconds_bucket{le="+Inf",log="control"}'] == one[count]
    for found in (one, two):
        assert found['runledger_tail_records_total{log="control"}'] > position
        assert found['runledger_tail_batches_total{log="control"}'] > 1
        assert found['runledger_lag_seconds{log="control"}'] < 30
        assert found['runledger_opaque_events{projection="runs"}'] == 0
        assert found["runledger_producer_replacements_total"] == 0


def figures_of(server: Server) -> dict[str, float]:
    """Each line of /metrics: its name with labels, and its value."""
    lines = server.get("/metrics").body.decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def until(ask: Callable[[], T], holds: Callable[[T], bool], seconds: float = 60) -> T:
    deadline = time.monotonic() + seconds
    while not holds(answer := ask()):
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)
    return answer


def test_values_that_one_took_are_read_from_the_other(
    servers: tuple[Server, Server], clients: tuple[RemoteClient, RemoteClient]
) -> None:
    run_id = f"values-{uuid4()}"
    clients[0].execute(StartRun(run_id=run_id, experiment="fresh"))
    for first in range(1, 200, 10):
        batch = _batch(run_id, first, first + 9)
        clients[first // 10 % 2].log_values(batch)
        # A shipper that does not know what arrived sends all of it again, to the other server.
        clients[(first // 10 + 1) % 2].log_values(batch)
        place = clients[0]._places[run_id]
        (series,) = servers[1].get(f"/api/v1/runs/{run_id}/series?values_at_least={place}").json()
        assert series["values"] == list(range(1, first + 10))
    assert [client.shipped(run_id, "w") for client in clients] == [200, 200]


def _batch(run_id: str, first: int, last: int) -> Batch:
    indices = list(range(first, last + 1))
    series = {"name": "loss", "kind": "scalar", "index": indices, "times": indices, "values": indices}
    return Batch(run_id=run_id, writer="w", first=first, last=last, series=[series], occurred_at=last)


def test_who_follows_one_server_hears_of_what_the_other_took_and_may_go_on_at_either(
    servers: tuple[Server, Server], clients: tuple[RemoteClient, RemoteClient]
) -> None:
    run_id = f"followed-{uuid4()}"
    read_up_to(servers[1], clients[0].execute(StartRun(run_id=run_id, experiment="followed")).position)
    with following(servers[1], ("run", run_id)) as there:
        clients[0].execute(TagRun(run_id=run_id, tags={"a": "b"}))
        point = {"name": "loss", "kind": "scalar", "index": [1], "times": [1], "values": [0.5]}
        clients[0].log_values(Batch(run_id=run_id, writer="w", first=1, last=1, series=[point], occurred_at=1))
        there.wait(lambda it: it.named("run") and it.named("values"))
    last = there.named("run")[-1].id
    clients[1].execute(TagRun(run_id=run_id, tags={"c": "d"}))
    with following(servers[0], ("run", run_id), last=last) as here:
        here.wait(lambda it: it.named("run"))

    assert [each.data["type"] for each in here.named("run")] == ["runledger.run.tagged.v1"]
    assert not here.named("reset")


def test_the_first_values_of_every_partition_are_told(
    servers: tuple[Server, Server], clients: tuple[RemoteClient, RemoteClient]
) -> None:
    run_ids = [f"first-{number}-{uuid4()}" for number in range(24)]
    for run_id in run_ids:
        position = clients[0].execute(StartRun(run_id=run_id, experiment="followed")).position
    read_up_to(servers[1], position)
    with following(servers[1], *(("run", run_id) for run_id in run_ids)) as there:
        for run_id in run_ids:
            point = {"name": "loss", "kind": "scalar", "index": [1], "times": [1], "values": [0.5]}
            clients[0].log_values(Batch(run_id=run_id, writer="w", first=1, last=1, series=[point], occurred_at=1))
        there.wait(lambda it: {each.data["run_id"] for each in it.named("values")} == set(run_ids))
