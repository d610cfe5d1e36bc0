"""Who may do what on a server: tokens, roles, and what is refused how."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from examples.kafka_broker import KafkaBroker
from ledger.commands import AddUser, ChangeUser, IssueToken, RevokeToken, StartRun, TagRun
from ledger.errors import ForbiddenError, RunNotFoundError, UnauthenticatedError
from ledger.remote.client import RemoteClient
from ledger.users.tokens import draw_token
from runledger.wiring import connect
from schemas.roles import Role
from tests.runledger.server.running import JSON, ROOT, Reply, Server, running
from tests.runledger.server.test_api import assert_problem
from tests.runledger.server.test_values import batch


@dataclass(frozen=True)
class Given:
    """A token, and its id."""

    text: str
    id: str


def give(folder: Path, user: str, role: Role, expires_at: datetime | None = None) -> Given:
    """A token for a user, given on the server's machine."""
    token = draw_token()
    with closing(connect(str(folder))) as operator:
        operator.execute(AddUser(user=user, role=role))
        operator.execute(IssueToken(user=user, token_id=token.id, token_hash=token.hash, expires_at=expires_at))
    return Given(token.text, token.id)


def ask(server: Server, path: str, token: str | None, content: Any = None, scheme: str = "Bearer") -> Reply:
    headers = JSON if token is None else JSON | {"Authorization": f"{scheme} {token}"}
    body = content if isinstance(content, bytes | None) else json.dumps(content).encode()
    return server.ask("GET" if body is None else "POST", path, body, headers)


def start_run(run_id: str) -> dict[str, Any]:
    return {"type": "start-run", "command": str(uuid4()), "run_id": run_id, "experiment": "auth"}


@dataclass(frozen=True)
class Guarded:
    """A server with a user of each role."""

    folder: Path
    server: Server
    admin: Given
    contributor: Given
    viewer: Given


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    with running(folder) as server:
        yield Guarded(folder, server, *(give(folder, role.lower(), role) for role in Role))


def test_before_there_is_a_user_anybody_on_this_machine_may_write_but_not_make_users(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert ask(server, "/api/v1/commands", None, start_run("r")).status == 200
        me = ask(server, "/api/v1/me", None).json()
        add = {"type": "add-user", "command": str(uuid4()), "user": "me", "role": "admin"}
        problem = assert_problem(ask(server, "/api/v1/commands", None, add), 403, "forbidden")
        # A proxy may have asked for something of its own.
        proxied = ask(server, "/api/v1/runs", "bWU6c2VjcmV0", scheme="Basic")
        unknown = ask(server, "/api/v1/runs", draw_token().text)
        admin = give(tmp_path, "ada", Role.ADMIN)
        after = ask(server, "/api/v1/runs", None)
        with_token = ask(server, "/api/v1/runs", admin.text)

    assert (me["user"], me["rights"], problem["right"]) == (None, ["read", "write"], "admin")
    assert (proxied.status, unknown.status, after.status, with_token.status) == (200, 401, 401, 200)


@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/me", "/metrics", "/runs", "/nowhere", "/api/v1/../../livez"])
def test_without_a_token_nothing_is_answered(guarded: Guarded, path: str) -> None:
    reply = ask(guarded.server, path, None)

    assert "runledger login" in assert_problem(reply, 401, "unauthenticated")["detail"]
    assert reply.headers["www-authenticate"] == 'Bearer realm="runledger"'


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json"])
def test_health_and_description_need_no_token(guarded: Guarded, path: str) -> None:
    assert ask(guarded.server, path, None).status == 200


def test_figures_are_for_who_may_read(guarded: Guarded) -> None:
    assert b"runledger_last_position" in ask(guarded.server, "/metrics", guarded.viewer.text).body


@pytest.mark.parametrize("change", ["{0}x", "x{0}", "rl_ffffffffffff_x", "", " ", "{0} {0}", "Ã¼"])
def test_a_wrong_token_is_401(guarded: Guarded, change: str) -> None:
    reply = ask(guarded.server, "/api/v1/runs", change.format(guarded.contributor.text))

    assert_problem(reply, 401, "unauthenticated")


def test_a_token_that_ended_is_401(guarded: Guarded) -> None:
    past = give(guarded.folder, "past", Role.ADMIN, datetime.now(UTC) - timedelta(seconds=1))
    future = give(guarded.folder, "future", Role.VIEWER, datetime.now(UTC) + timedelta(hours=1))

    assert_problem(ask(guarded.server, "/api/v1/runs", past.text), 401, "unauthenticated")
    assert ask(guarded.server, "/api/v1/runs", future.text).status == 200


def test_the_actor_is_who_the_token_says(guarded: Guarded) -> None:
    command = start_run("acted") | {"on_behalf_of": "somebody else"}
    assert ask(guarded.server, "/api/v1/commands", guarded.contributor.text, command).status == 200
    assert ask(guarded.server, "/api/v1/values", guarded.contributor.text, batch("acted")).status == 200
    history = ask(guarded.server, "/api/v1/runs/acted/history", guarded.viewer.text).json()

    assert [entry["actor"] for entry in history] == ["contributor"]


@pytest.mark.parametrize("to", ["/api/v1/commands", "/api/v1/commands/bulk", "/api/v1/values"])
def test_a_viewer_asks_and_writes_nothing(guarded: Guarded, to: str) -> None:
    content: Any = start_run("unwanted")
    reply = ask(
        guarded.server,
        to,
        guarded.viewer.text,
        batch("unwanted") if to.endswith("values") else {"commands": [content]} if to.endswith("bulk") else content,
    )
    problem = reply.json()["results"][0]["problem"] if to.endswith("bulk") else assert_problem(reply, 403, "forbidden")

    assert (problem["status"], problem["right"]) == (403, "write")
    assert "contributor" in problem["detail"]
    assert ask(guarded.server, "/api/v1/runs", guarded.viewer.text).status == 200
    assert ask(guarded.server, "/api/v1/runs/unwanted", guarded.viewer.text).status == 404


def test_what_somebody_had_no_right_to_is_found_in_the_audit(guarded: Guarded) -> None:
    assert ask(guarded.server, "/api/v1/commands", guarded.contributor.text, start_run("coveted")).status == 200
    tag = {"type": "tag-run", "run_id": "coveted", "tags": {"mine": "yes"}, "reason": "because I can"}
    for _ in range(3):
        command = tag | {"command": str(uuid4())}
        assert ask(guarded.server, "/api/v1/commands", guarded.viewer.text, command).status == 403
    assert ask(guarded.server, "/api/v1/values", guarded.viewer.text, batch("coveted")).status == 403
    add = {"type": "add-user", "command": str(uuid4()), "user": "mallory", "role": "admin"}
    assert ask(guarded.server, "/api/v1/commands", guarded.viewer.text, add).status == 403
    sent = guarded.server.ask(
        "PUT", "/api/v1/runs/coveted/artifacts/a.txt", b"x", {"Authorization": f"Bearer {guarded.viewer.text}"}
    )
    assert sent.status == 403

    def audited(token: str, **asked: str) -> list[dict[str, Any]]:
        query = urlencode({"refused": "true", "actor": "viewer", "action": "command.refused", **asked})
        return list(ask(guarded.server, f"/api/v1/audit?{query}", token).json()["entries"])

    on_run = audited(guarded.admin.text, stream="run:coveted")
    assert [(each["command"], each["count"]) for each in on_run] == [
        ("add-artifacts", 1),
        ("log-values", 1),
        ("tag-run", 1),
    ]
    assert {each["refused"] for each in on_run} == {"forbidden"}
    assert (on_run[-1]["reason"], on_run[-1]["address"]) == ("because I can", "127.0.0.1")
    (on_user,) = audited(guarded.admin.text, kind="user")
    assert (on_user["command"], on_user["refused"]) == ("add-user", "forbidden")
    assert audited(guarded.viewer.text, kind="user")[0]["message"] != on_user["message"]


def test_users_and_tokens_are_for_admins(guarded: Guarded) -> None:
    add = {"type": "add-user", "command": str(uuid4()), "user": "eve", "role": "admin"}
    for given in (guarded.contributor, guarded.viewer):
        for path, content in (("/api/v1/commands", add), ("/api/v1/tokens", None), ("/api/v1/users", None)):
            problem = assert_problem(ask(guarded.server, path, given.text, content), 403, "forbidden")
            assert problem["right"] == "admin"
    users = ask(guarded.server, "/api/v1/users", guarded.admin.text).json()
    tokens = ask(guarded.server, "/api/v1/tokens", guarded.admin.text).json()

    assert "eve" not in {user["user"] for user in users}
    assert {"admin", "contributor", "viewer"} <= {token["user"] for token in tokens}
    assert guarded.admin.text.split("_", 2)[2] not in json.dumps(tokens)


def test_everybody_may_ask_who_he_is(guarded: Guarded) -> None:
    found = {
        name: ask(guarded.server, "/api/v1/me", given.text).json()
        for name, given in (("admin", guarded.admin), ("contributor", guarded.contributor), ("viewer", guarded.viewer))
    }

    assert {name: (me["user"], me["role"]) for name, me in found.items()} == {name: (name, name) for name in found}
    assert [len(found[name]["rights"]) for name in ("admin", "contributor", "viewer")] == [3, 2, 1]


def test_a_role_that_is_not_known_may_nothing(guarded: Guarded) -> None:
    given = give(guarded.folder, "odd", Role.CONTRIBUTOR)
    with closing(connect(str(guarded.folder))) as operator:
        operator.execute(ChangeUser(user="odd", role="owner"))  # type: ignore[arg-type] # as a newer version might

    assert assert_problem(ask(guarded.server, "/api/v1/runs", given.text), 403, "forbidden")["right"] == "read"


def test_a_client_has_the_errors_of_its_token(guarded: Guarded) -> None:
    with closing(RemoteClient(guarded.server.url)) as nobody, pytest.raises(UnauthenticatedError):
        nobody.run("r")
    with closing(RemoteClient(guarded.server.url, guarded.viewer.text)) as reader:
        with pytest.raises(ForbiddenError) as caught:
            reader.execute(StartRun(run_id="r", experiment="e"))
        with pytest.raises(RunNotFoundError):
            reader.run("r")
    assert caught.value.right == "write"


def test_of_several_tokens_each_is_revoked_by_itself(guarded: Guarded) -> None:
    first, second = give(guarded.folder, "twice", Role.CONTRIBUTOR), give(guarded.folder, "twice", Role.CONTRIBUTOR)
    revoke = {"type": "revoke-token", "command": str(uuid4()), "user": "twice", "token_id": first.id}
    assert ask(guarded.server, "/api/v1/commands", guarded.admin.text, revoke).status == 200

    assert_problem(ask(guarded.server, "/api/v1/runs", first.text), 401, "unauthenticated")
    assert ask(guarded.server, "/api/v1/runs", second.text).status == 200


def environment(home: Path, token: str) -> dict[str, str]:
    """Of a script whose end nobody watches."""
    names = {"PATH": "", "PYTHONPATH": str(ROOT), "HOME": str(home), "XDG_STATE_HOME": str(home)}
    return names | {"RUNLEDGER_TOKEN": token, "RUNLEDGER_WATCHDOG": "0"}


def started_script(server: Server, home: Path, token: str, run_id: str, then: str) -> "subprocess.Popen[str]":
    """A script that has begun a run, and does the rest when it reads a line."""
    script = home / "train.py"
    script.write_text(
        "import os, sys\n"
        "from runledger import Experiment, Workspace\n"
        f"experiment = Experiment(Workspace({server.url!r}), 'auth')\n"
        f"run = experiment.start_logging(run_id={run_id!r}, snapshot_directory=None)\n"
        "print('started', flush=True)\n"
        f"sys.stdin.readline()\n{then}\n"
    )
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    running_script = subprocess.Popen(
        [sys.executable, str(script)], text=True, cwd=home, env=environment(home, token), **pipes
    )
    assert running_script.stdout is not None
    assert running_script.stdout.readline() == "started\n"
    return running_script


def list_runs(server: Server, home: Path, token: str) -> int:
    """List the runs, and on the way deliver what dead processes left."""
    words = [sys.executable, "-m", "runledger", "run", "list", "-w", server.url]
    done = subprocess.run(
        words, cwd=ROOT, env=environment(home, token), timeout=60, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode


def test_a_token_that_ends_during_a_run_loses_nothing(guarded: Guarded, tmp_path: Path) -> None:
    """The script goes on with a warning; with a valid token, the next contact delivers all of it."""
    given = give(guarded.folder, "trainer", Role.CONTRIBUTOR)
    then = "run.log('loss', 0.5)\nrun.tag('late', 'yes')\nrun.complete()\nprint('ended', flush=True)"
    training = started_script(guarded.server, tmp_path, given.text, "cut", then)
    with closing(connect(str(guarded.folder))) as operator:
        operator.execute(RevokeToken(user="trainer", token_id=given.id))
    out, err = training.communicate("go on\n", timeout=60)
    assert list_runs(guarded.server, tmp_path, guarded.contributor.text) == 0
    run = ask(guarded.server, "/api/v1/runs/cut", guarded.viewer.text).json()
    metrics = ask(guarded.server, "/api/v1/runs/cut/metrics", guarded.viewer.text).json()

    assert (training.returncode, out) == (0, "ended\n"), err
    assert "delivered later" in err
    assert (run["status"], run["tags"], metrics[0]["last"]) == ("Completed", {"late": "yes"}, 0.5)


def test_who_may_only_read_does_not_lose_the_end_of_a_run(guarded: Guarded, tmp_path: Path) -> None:
    """A script is killed; a viewer comes by first, and the next contributor delivers its end."""
    training = started_script(guarded.server, tmp_path, guarded.contributor.text, "killed", "os.kill(os.getpid(), 9)")
    training.communicate("go on\n", timeout=60)
    statuses = []
    for given in (guarded.viewer, guarded.contributor):
        assert list_runs(guarded.server, tmp_path, given.text) == 0
        statuses.append(ask(guarded.server, "/api/v1/runs/killed", given.text).json()["status"])

    assert statuses == ["Running", "Failed"]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("kafka", marks=pytest.mark.kafka)])
def test_a_revocation_on_one_server_is_known_to_the_other(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """At once where both read one file, else as soon as the position of the revocation was read."""
    folders, options = (tmp_path, tmp_path), ("--log", "sqlite")
    if kind == "kafka":
        broker: KafkaBroker = request.getfixturevalue("kafka_broker")
        folders = (tmp_path / "a", tmp_path / "b")
        options = ("--log", f"kafka://{broker.address}/auth{uuid4().hex[:12]}")
    with ExitStack() as stack:
        here, there = (stack.enter_context(running(folder, *options)) for folder in folders)
        admin, writer = give(folders[0], "ada", Role.ADMIN), give(folders[0], "bob", Role.CONTRIBUTOR)
        position = ask(here, "/api/v1/positions", admin.text).json()["position"]
        assert wait_for(there, position, admin) == 200
        assert ask(there, "/api/v1/runs", writer.text).status == 200
        revoke = {"type": "revoke-token", "command": str(uuid4()), "user": "bob", "token_id": writer.id}
        position = ask(here, "/api/v1/commands", admin.text, revoke).json()["position"]
        assert wait_for(there, position, admin) == 200
        refused = ask(there, "/api/v1/commands", writer.text, start_run("late"))

    assert_problem(refused, 401, "unauthenticated")


def wait_for(server: Server, position: int, admin: Given) -> int:
    """Ask for a position until the server knows the admin, too."""
    for _ in range(100):
        reply = ask(server, f"/api/v1/runs?at_least={position}", admin.text)
        if reply.status == 200:
            break
    return reply.status


def test_with_a_token_other_machines_are_let_in(tmp_path: Path) -> None:
    connect_and_close(tmp_path)
    given = give(tmp_path, "ada", Role.ADMIN)
    with running(tmp_path, "--host", "0.0.0.0", at="http://0.0.0.0:") as server:  # noqa: S104 - what is tested
        port = server.address.split(":")[1]
        near = Server(server.process, f"http://127.0.0.1:{port}")
        assert ask(near, "/api/v1/runs", None).status == 401
        assert ask(near, "/api/v1/runs", given.text).status == 200
        named = near.ask("GET", "/api/v1/runs", None, {"Host": "ledger", "Authorization": f"Bearer {given.text}"})

    assert named.status == 200


def connect_and_close(folder: Path) -> None:
    with running(folder) as server:
        assert server.stop() == 0


def test_a_refused_request_leaves_its_connection_usable(guarded: Guarded) -> None:
    """What was sent with it is not taken for the next request."""
    host, port = guarded.server.address.split(":")
    head = "POST /api/v1/commands HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    body = json.dumps(start_run("x") | {"reason": "y" * 200_000}).encode()
    next_one = f"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {guarded.viewer.text}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body + next_one.encode())
        answer = b""
        while b'"user": "viewer"' not in answer:
            part = connection.recv(65536)
            assert part, answer
            answer += part

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.count(b"HTTP/1.1 ") == 2


def test_a_writer_writes_through_a_client(guarded: Guarded) -> None:
    run_id = str(uuid4())
    with closing(RemoteClient(guarded.server.url, guarded.contributor.text)) as writer:
        writer.execute(StartRun(run_id=run_id, experiment="auth"))
        writer.execute(TagRun(run_id=run_id, tags={"a": "b"}))
        assert writer.run(run_id)["tags"] == {"a": "b"}
