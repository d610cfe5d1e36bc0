"""Tables of the whole history over a URL: as from the folder, page by page, and to each what he may see."""

import time
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pytest

from ledger.client import Client
from ledger.errors import InvalidNameError, RefusedError, UnauthenticatedError
from ledger.remote.client import RemoteClient
from ledger.tables import TableQuery, unheard
from ledger.values.batch import Batch
from projections.analytics.columns import EVENTS, METRICS
from runledger import Experiment, Workspace
from runledger.server.desk import Desk
from runledger.server.messages import TableMessage
from runledger.server.routes.tables import _page
from runledger.wiring import connect, make_workspace
from schemas.events.base import CONCEALED
from tests.runledger.cli.calling import call
from tests.runledger.server.running import running

BATCHES = 25
"""More than are on one page."""


class Clients(NamedTuple):
    """Of one workspace, of which the server's URL was used before it had a user."""

    folder: Client
    admin: RemoteClient
    viewer: RemoteClient


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clients]:
    place = tmp_path_factory.mktemp("tables")
    make_workspace(place, log="sqlite")
    with running(place) as server:
        fill(server.url)
        tokens = [
            call("token", "create", role, "--role", role, "-w", place, "-o", "json").json["token"]
            for role in ("admin", "viewer")
        ]
        admin, viewer = (RemoteClient(server.url, token) for token in tokens)
        folder = connect(str(place))
        yield Clients(folder, admin, viewer)
        for client in (folder, admin, viewer):
            client.close()


def fill(url: str) -> None:
    with Workspace(url) as workspace:
        for run_id, experiment in {"r1": "vision", "r2": "vision", "r3": "speech"}.items():
            with Experiment(workspace, experiment).start_logging(run_id=run_id, snapshot_directory=None) as run:
                run.log_params({"lr": 0.1})
                run.log_row("table", a=1.0, b="x")
        for number in range(1, BATCHES + 1):
            series: Any = {"name": "loss", "kind": "scalar", "index": [number], "times": [number], "values": [0.5]}
            workspace.client.log_values(
                Batch(run_id="r1", writer="w", first=number, last=number, series=[series], occurred_at=number)
            )
        # What this client wrote, it reads.
        assert workspace.metrics("loss").to_arrow().num_rows == BATCHES
        assert set(workspace.runs().to_arrow()["run_id"].to_pylist()) == {"r1", "r2", "r3"}


def read(client: Client, query: TableQuery) -> pa.Table:
    return pa.Table.from_batches(client.table(query))


def queries() -> Mapping[str, TableQuery]:
    hour_ago = int(time.time() - 3_600) * 1_000
    return {
        "events": TableQuery(table="events"),
        "metrics": TableQuery(table="metrics"),
        "events of runs": TableQuery(table="events", run_ids=["r3", "r1", "none", "\x00"]),
        "metrics of runs": TableQuery(table="metrics", run_ids=["r2", "r1"]),
        "events of an experiment": TableQuery(table="events", experiment="speech", since=hour_ago),
        "a metric of an experiment": TableQuery(table="metrics", metric="loss", experiment="vision"),
        "no events": TableQuery(table="events", until=hour_ago),
        "no metrics": TableQuery(table="metrics", metric="never"),
        "no metrics of runs": TableQuery(table="metrics", run_ids=["none"]),
    }


@pytest.mark.parametrize("name", queries())
def test_a_url_has_the_tables_of_the_folder(clients: Clients, name: str) -> None:
    query = queries()[name]
    expected, found = read(clients.folder, query), read(clients.admin, query)
    assert found.schema == expected.schema == (EVENTS if query.table == "events" else METRICS)
    assert found.equals(expected)
    assert (found.num_rows == 0) == name.startswith("no ")


def test_long_tables_come_in_pages_and_say_how_far_they_are(clients: Clients) -> None:
    heard: list[tuple[int, int]] = []
    batches = list(clients.admin.table(TableQuery(table="metrics"), lambda *far: heard.append(far)))
    assert len(batches) > 1
    assert heard == sorted(heard)
    assert heard[-1][0] == heard[-1][1]


def test_who_is_no_admin_sees_no_addresses(clients: Clients) -> None:
    query = TableQuery(table="events")
    shown, hidden = (read(client, query).to_pylist() for client in (clients.admin, clients.viewer))
    payloads = [[row.pop("payload") or "" for row in rows] for rows in (shown, hidden)]
    assert hidden == shown
    assert any('"address":"127.0.0.1"' in payload for payload in payloads[0])
    assert not any("127.0.0.1" in payload for payload in payloads[1])
    assert any(f'"address":"{CONCEALED}"' in payload for payload in payloads[1])
    people = [payload for row, payload in zip(shown, payloads[0], strict=True) if row["stream"].startswith("user:")]
    assert people
    assert not any(people)
    metrics = TableQuery(table="metrics")
    assert read(clients.viewer, metrics).equals(read(clients.admin, metrics))


def test_who_is_nobody_sees_nothing(clients: Clients) -> None:
    stranger = RemoteClient(clients.admin.location, "rl_none")
    with pytest.raises(UnauthenticatedError):
        list(stranger.table(TableQuery(table="events"), unheard))
    stranger.close()


def test_what_is_no_cursor_is_refused(clients: Clients) -> None:
    for cursor in ("nonsense", "WzEsMl0", "WyJ4IiwgMSwgW1swLCAyXV1d"):
        with pytest.raises(InvalidNameError, match="cursor"):
            clients.admin._server.call("POST", "/tables/events", {"cursor": cursor})


def test_a_server_without_the_library_says_what_to_install_there() -> None:
    def missing(*_: object) -> None:
        raise ModuleNotFoundError("no pyarrow", name="pyarrow")

    desk = cast("Desk", SimpleNamespace(parts=SimpleNamespace(tables=SimpleNamespace(page=missing))))
    with pytest.raises(RefusedError, match=r"pyarrow where the server is: pip install 'runledger\[parquet\]'"):
        _page(desk, "events", TableMessage(), is_admin=True)
