"""The client of a URL, against a server of a few lines that fails as it is told."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ledger.commands import CreateExperiment, TagRun
from ledger.errors import NotReadyError, RunNotFoundError, UnavailableError, UnknownOutcomeError, WorkspaceError
from ledger.problems import problem_of
from ledger.queries import RunQuery
from ledger.remote.client import RemoteClient
from runledger.wiring import connect

ROOT = Path(__file__).resolve().parents[2]
COMMAND = CreateExperiment(name="e")
Answer = Callable[["Handler"], None]


class Stub(ThreadingHTTPServer):
    """Answers each request as the next of `answers` says, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = [answered(7)]
        self.requests: list[tuple[str, str, Any, dict[str, str]]] = []
        self.peers: list[int] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._handle(json.loads(body))

    def do_GET(self) -> None:
        self._handle(None)

    def _handle(self, content: Any) -> None:
        self.server.requests.append((self.command, self.path, content, dict(self.headers)))
        self.server.peers.append(self.client_address[1])
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def answer(self, status: int, content: Any) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def answered(position: int) -> Answer:
    return lambda handler: handler.answer(200, {"position": position, "changed": True})


def refused(handler: Handler) -> None:
    handler.answer(503, problem_of(NotReadyError("starting")))


def dropped(handler: Handler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def silent(handler: Handler) -> None:
    time.sleep(1.5)
    dropped(handler)


def then_closed(handler: Handler) -> None:
    """Answers, and closes the connection without having said so, as a server does with an idle one."""
    answered(7)(handler)
    handler.close_connection = True


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def client(stub: Stub) -> Iterator[RemoteClient]:
    with closing(RemoteClient(stub.url, "s3cret", seconds=1.0)) as opened:
        yield opened


@pytest.mark.parametrize("failures", [[refused, refused], [dropped], [refused, dropped, refused]])
def test_a_command_is_sent_again_with_its_id(stub: Stub, client: RemoteClient, failures: list[Answer]) -> None:
    stub.answers = [*failures, answered(7)]
    answer = client.execute(COMMAND)

    sent = [content["command"] for _, _, content, _ in stub.requests]
    assert answer.position == 7
    assert sent == [COMMAND.command] * (len(failures) + 1)


def test_the_token_and_the_position_go_along(stub: Stub, client: RemoteClient) -> None:
    stub.answers = [answered(9), answered(8), lambda handler: handler.answer(200, {"runs": [], "cursor": None})]
    client.execute(COMMAND)
    client.execute(COMMAND)
    client.runs(RunQuery())

    assert [headers["Authorization"] for _, _, _, headers in stub.requests] == ["Bearer s3cret"] * 3
    assert stub.requests[2][1] == "/api/v1/runs?limit=50&at_least=9"
    assert "s3cret" not in repr(client) + client.location


def test_a_connection_is_kept_and_does_not_wait_for_more(stub: Stub, client: RemoteClient) -> None:
    for _ in range(5):
        client.execute(COMMAND)

    assert len(set(stub.peers)) == 1
    assert client._server._idle[0].sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def test_a_kept_connection_that_was_closed_costs_no_pause(stub: Stub, client: RemoteClient) -> None:
    stub.answers = [then_closed]
    began = time.monotonic()
    for _ in range(10):
        client.execute(COMMAND)

    assert time.monotonic() - began < 0.4
    assert len(stub.requests) == 10


def test_nobody_there_is_unavailable_and_nothing_was_stored() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    began = time.monotonic()
    with (
        closing(RemoteClient(f"http://127.0.0.1:{port}", seconds=0.5)) as client,
        pytest.raises(UnavailableError, match="runledger server") as error,
    ):
        client.execute(COMMAND)

    assert not isinstance(error.value, UnknownOutcomeError)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("failures", [[dropped], [silent], [dropped, refused]])
def test_a_command_without_an_answer_is_in_doubt(stub: Stub, client: RemoteClient, failures: list[Answer]) -> None:
    stub.answers = failures
    with pytest.raises(UnknownOutcomeError, match="same id"):
        client.execute(COMMAND)


def test_a_question_without_an_answer_is_not_in_doubt(stub: Stub, client: RemoteClient) -> None:
    stub.answers = [dropped]
    with pytest.raises(UnavailableError) as error:
        client.runs(RunQuery())

    assert not isinstance(error.value, UnknownOutcomeError)


def test_a_server_that_stays_unready_says_so(stub: Stub, client: RemoteClient) -> None:
    stub.answers = [refused]
    with pytest.raises(NotReadyError, match="starting"):
        client.execute(COMMAND)

    assert 3 <= len(stub.requests) <= 30


@pytest.mark.parametrize("status", [200, 302, 404, 500])
def test_another_program_is_no_ledger(stub: Stub, client: RemoteClient, status: int) -> None:
    stub.answers = [lambda handler: handler.answer(status, b"<html>hello</html>")]
    for call in (lambda: client.execute(COMMAND), lambda: client.run("r"), lambda: client.runs(RunQuery())):
        with pytest.raises(WorkspaceError, match=f"answers {status}, and not as a run ledger does"):
            call()


def test_a_forked_child_has_connections_of_its_own(stub: Stub, client: RemoteClient) -> None:
    client.execute(COMMAND)
    child = os.fork()
    if child == 0:
        try:
            os._exit(client.execute(COMMAND).position)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    client.execute(COMMAND)

    assert os.waitstatus_to_exitcode(status) == 7
    assert stub.peers[0] == stub.peers[2] != stub.peers[1]


def test_an_id_is_one_part_of_the_path(stub: Stub, client: RemoteClient) -> None:
    stub.answers = [lambda handler: handler.answer(404, problem_of(RunNotFoundError("?")))]
    for run_id in ("a/b", "..", "", "a?b"):
        with pytest.raises(RunNotFoundError) as error:
            client.run(run_id)
        assert error.value.run_id == run_id

    assert [path for _, path, _, _ in stub.requests] == [
        f"/api/v1/runs/{part}" for part in ("a%2Fb", "%2E%2E", "", "a%3Fb")
    ]


@pytest.mark.parametrize("location", ["http://", "ftp://host", "http://host:port", "http://user:word@host"])
def test_a_url_that_names_no_server(location: str) -> None:
    with pytest.raises(WorkspaceError, match="names no server"):
        RemoteClient(location)


def test_a_prefix_of_the_path_is_kept(stub: Stub) -> None:
    with closing(RemoteClient(f"{stub.url}/team/")) as client:
        client.execute(TagRun(run_id="r", tags={}))
        assert client.location == f"{stub.url}/team"

    assert stub.requests[0][1] == "/team/api/v1/commands"


def test_a_url_is_connected_to_with_the_token_of_the_environment(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_TOKEN", "from-environment")
    with closing(connect(stub.url)) as client:
        client.execute(COMMAND)

    assert stub.requests[0][3]["Authorization"] == "Bearer from-environment"


def test_a_process_with_a_url_stays_light(stub: Stub) -> None:
    heavy = ("pydantic", "eventsourcing", "sqlite3", "_sqlite3", "aiokafka", "fastapi", "click")
    code = (
        "import sys\nfrom runledger import Experiment, Workspace\n"
        "with Workspace(sys.argv[1]) as workspace:\n    Experiment(workspace, 'e').start_logging().tag('a', 'b')\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, stub.url],
        cwd=ROOT,
        env=os.environ | {"RUNLEDGER_WATCHDOG": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout == "[]\n", done.stderr
    assert [content["type"] for _, _, content, _ in stub.requests] == [
        "create-experiment",
        "start-run",
        "tag-run",
        "change-status",
    ]
