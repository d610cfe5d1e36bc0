"""The page of a run as its server gives it, without a browser: the overview, and a tree of 10,000 children."""

import tempfile
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.http import server
from benchmarks.result import Result, interleaved, median_seconds
from ledger.client import Client
from ledger.commands import AddParameters, AddProperties, DescribeRun, StartRun, TagRun
from runledger.wiring import connect, make_workspace

_CHILDREN = 10_000
_TIMES = 30
_OVERVIEW_MS, _CHILDREN_MS = 30, 500


def run() -> list[Result]:
    """A run of ordinary size beside its document, and the children of one that has many."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        make_workspace(place, log="sqlite")
        client = connect(str(place))
        _ordinary(client)
        for number in range(_CHILDREN):
            client.execute(StartRun(run_id=f"c{number}", experiment="bench", parent_run_id="parent"))
        client.close()
        with server(place) as (_, url):
            overview, document = interleaved(
                lambda: _milliseconds(url, "/runs/one"), lambda: _milliseconds(url, "/api/v1/runs/one")
            )
            history = _milliseconds(url, "/runs/one/history")
            children = _milliseconds(url, "/runs/parent/children")
    return [
        _result("overview of a run", overview, _OVERVIEW_MS, document),
        Result("history of a run of 50 events", history, "ms"),
        _result(f"tree of a run with {_CHILDREN:,} children", children, _CHILDREN_MS),
    ]


def _ordinary(client: Client) -> None:
    """Two runs, of which one has what many have: 50 events."""
    for run_id in ("one", "parent"):
        client.execute(StartRun(run_id=run_id, experiment="bench", tags={"team": "vision", "stage": "candidate"}))
    client.execute(DescribeRun(run_id="one", changes={"description": "# Baseline\n\nSome **text**.\n\n" * 5}))
    client.execute(AddParameters(run_id="one", parameters={f"parameter{number}": number for number in range(20)}))
    client.execute(AddProperties(run_id="one", properties={f"property{number}": "value" for number in range(20)}))
    for number in range(8):
        client.execute(TagRun(run_id="one", tags={f"tag{number}": "value"}))


def _milliseconds(url: str, path: str) -> float:
    """The median time of one request on a connection that is open already."""
    connection = HTTPConnection(urlsplit(url).netloc)

    def ask() -> None:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"{path} was answered by {response.status}")
        response.read()

    ask()
    found = median_seconds(ask, _TIMES) * 1e3
    connection.close()
    return found


def _result(name: str, taken: float, most: int, floor: float | None = None) -> Result:
    floor_name = None if floor is None else "ms, its document as JSON"
    return Result(name, taken, "ms", floor, floor_name, f"≤ {most} ms", taken <= most)
