"""Files of runs through a server: safe to look at, whole or not there at all, for those who may."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from uuid import uuid4

import pytest

from ledger.artifacts.folder import STALE_SECONDS
from ledger.commands import StartRun
from ledger.errors import LimitExceededError, WorkspaceError
from ledger.remote.client import RemoteClient
from ledger.workspace.folder import make_folder
from runledger.server.routes.files import OCTETS
from runledger.wiring import connect
from schemas.roles import Role
from tests.runledger.server.running import Server, running
from tests.runledger.server.test_api import assert_problem
from tests.runledger.server.test_auth import give

HTML = b"<script>alert(1)</script>"
SIZE = 4_000_000
# Sends the half of a file, says so, and waits to be killed.
HALF = """
import io, sys, time
from runledger.wiring import connect

class Half(io.BytesIO):
    reads = 0
    def seek(self, *where):
        self.reads += 1
        return super().seek(*where)
    def read(self, size=-1):
        if self.reads >= {reads} and self.tell() >= {half}:
            print("half", flush=True)
            time.sleep(60)
        return super().read(min(size, 100_000) if size > 0 else size)

connect(sys.argv[1]).put_content(Half(b"x" * {size}))
"""


@pytest.fixture
def run_id(server: Server) -> str:
    run_id = uuid4().hex
    with closing(RemoteClient(server.url)) as client:
        client.execute(StartRun(run_id=run_id, experiment="files"))
    return run_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "served"


def put(server: Server, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = server.ask("PUT", f"/api/v1{path}", body, named)
    return reply.status, reply.body


def until(true: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def test_a_file_that_somebody_stored_cannot_act_as_who_looks_at_it(server: Server, run_id: str) -> None:
    status, body = put(server, f"/runs/{run_id}/artifacts/a/pa%22ge%0d.html", HTML)
    assert (status, b"control character" in body) == (422, True)
    status, body = put(server, f"/runs/{run_id}/artifacts/a/pa%22ge.html", HTML)
    assert (status, json.loads(body)["sha256"]) == (200, sha256(HTML).hexdigest())

    for path in (f"/runs/{run_id}/artifacts/a/pa%22ge.html", f"/contents/{sha256(HTML).hexdigest()}"):
        reply = server.get(f"/api/v1{path}")
        assert reply.body == HTML
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert reply.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert reply.headers["content-length"] == str(len(HTML))
    assert (
        "pa%22ge.html" in server.get(f"/api/v1/runs/{run_id}/artifacts/a/pa%22ge.html").headers["content-disposition"]
    )


@pytest.mark.parametrize(
    ("name", "kind", "how"),
    [
        ("loss.png", "image/png", "inline"),
        ("notes.txt", "text/plain", "inline"),
        ("plot.svg", "image/svg+xml", "attachment"),
        ("paper.pdf", "application/pdf", "attachment"),
        ("page.xhtml", "application/xhtml+xml", "attachment"),
        ("page.txt", "text/html", "attachment"),
        ("a.js", "text/javascript", "attachment"),
        ("a.css", "text/css", "attachment"),
    ],
)
def test_only_what_a_browser_never_runs_is_shown_in_place(
    server: Server, run_id: str, name: str, kind: str, how: str
) -> None:
    put(server, f"/runs/{run_id}/artifacts/{name}", HTML, Content_Type=kind)
    headers = server.get(f"/api/v1/runs/{run_id}/artifacts/{name}").headers

    assert headers["content-disposition"].startswith(f"{how}; filename*=")
    assert headers["content-type"].startswith(kind if "script" not in kind and "css" not in kind else OCTETS)
    assert (headers["x-content-type-options"], headers["content-security-policy"][:8]) == ("nosniff", "sandbox;")


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "a/..%2Fb", "%2Fetc/passwd", "a%5Cb", "a%00", "a//b"])
def test_a_name_that_leads_elsewhere_is_refused(server: Server, run_id: str, name: str) -> None:
    status, body = put(server, f"/runs/{run_id}/artifacts/{name}", b"x")

    assert status == 422, body
    assert server.get(f"/api/v1/runs/{run_id}/artifacts").json() == []
    assert server.get(f"/api/v1/runs/{run_id}/artifacts/{name}").status == 404


def test_a_digest_that_does_not_fit_is_refused_and_nothing_is_there(server: Server, run_id: str) -> None:
    wrong = base64.b64encode(sha256(b"other").digest()).decode()
    right = base64.b64encode(sha256(b"x").digest()).decode()
    path = f"/runs/{run_id}/artifacts/a"
    assert put(server, path, b"x", Content_Digest=f"sha-256=:{wrong}:")[0] == 422
    assert put(server, path, b"x", Content_Digest="sha-256=:x:")[0] == 400
    assert put(server, f"/contents/{'0' * 64}", b"x")[0] == 422
    assert server.get(f"/api/v1/runs/{run_id}/artifacts").json() == []
    assert put(server, path, b"x", Content_Digest=f"md5=:x:, sha-256=:{right}:")[0] == 200


def test_what_is_not_there_is_404_and_names_what_is(server: Server, run_id: str) -> None:
    put(server, f"/runs/{run_id}/artifacts/b", b"x")
    problem = assert_problem(server.get(f"/api/v1/runs/{run_id}/artifacts/a"), 404, "artifact-not-found")
    assert "it has: 'b'" in problem["detail"]
    assert_problem(server.get("/api/v1/runs/nothing/artifacts"), 404, "run-not-found")
    assert_problem(server.get("/api/v1/runs/nothing/output"), 404, "run-not-found")
    assert_problem(server.get("/api/v1/runs/..%2f..%2fx/output"), 404, "not-found")
    assert_problem(server.get("/api/v1/contents/abc"), 404, "content-not-found")
    assert put(server, "/runs/nothing/artifacts/a", b"x")[0] == 404
    assert put(server, "/runs/nothing/output/0", b"x")[0] == 404


def test_output_is_shown_until_the_log_is_a_file(server: Server, run_id: str) -> None:
    with closing(RemoteClient(server.url)) as client:
        client.put_output(run_id, 0, b"first ")
        client.put_output(run_id, 6, b"second")
        assert client.output(run_id, 3) == b"st second"
        assert server.get(f"/api/v1/runs/{run_id}/artifacts/user_logs/std_log.txt").body == b"first second"
        put(server, f"/runs/{run_id}/artifacts/user_logs/std_log.txt", b"all of it")
        assert client.output(run_id, 0) == b"all of it"
    assert put(server, f"/runs/{run_id}/output/-1", b"x")[0] == 400
    assert put(server, f"/runs/{run_id}/output/0", b"x" * 1_100_000)[0] == 400


def test_readers_read_writers_write_and_strangers_do_neither(folder: Path) -> None:
    with running(folder) as server:
        with closing(RemoteClient(server.url)) as client:
            client.execute(StartRun(run_id="r", experiment="files"))
        writer, reader = give(folder, "writer", Role.CONTRIBUTOR), give(folder, "reader", Role.VIEWER)
        digest = sha256(b"x").hexdigest()
        for token, writes, reads in ((writer.text, 200, 200), (reader.text, 403, 200), ("rl_no_ne", 401, 401)):
            headers = {"Authorization": f"Bearer {token}"}
            for path in ("/runs/r/artifacts/a", f"/contents/{digest}", "/runs/r/output/0"):
                assert put(server, path, b"x", **headers)[0] == writes
            for path in ("/runs/r/artifacts", "/runs/r/artifacts/a", f"/contents/{digest}", "/runs/r/output"):
                assert server.ask("GET", f"/api/v1{path}", None, headers).status == reads
        assert put(server, "/runs/r/artifacts/a", b"x")[0] == 401


def test_a_file_that_is_too_large_is_refused_before_it_is_sent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_ARTIFACT_BYTES", "1000")
    with running(folder) as server, closing(RemoteClient(server.url)) as client:
        with pytest.raises(LimitExceededError, match="1,000 bytes"):
            client.put_content(io.BytesIO(b"x" * 50_000_000))
        assert client.put_content(io.BytesIO(b"x" * 1000)).size == 1000
        connection = HTTPConnection(server.address, timeout=30)
        connection.request("PUT", f"/api/v1/contents/{'0' * 64}", iter([b"x" * 900] * 3), encode_chunked=True)
        assert connection.getresponse().status == 413
        connection.close()
    assert [path.stat().st_size for path in kept(folder)] == [1000]


@pytest.fixture
def half_sent() -> Iterator[Callable[[str, int], "subprocess.Popen[str]"]]:
    """Starts a process that sends the half of a file to a workspace; it is killed at the end."""
    started: list[subprocess.Popen[str]] = []

    def start(location: str, reads: int) -> "subprocess.Popen[str]":
        code = HALF.format(reads=reads, half=SIZE // 2, size=SIZE)
        process = subprocess.Popen([sys.executable, "-c", code, location], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def kept(folder: Path) -> list[Path]:
    return [path for path in (folder / ".runledger" / "artifacts").glob("sha256/*/*") if path.is_file()]


def drafts(folder: Path) -> list[Path]:
    return list((folder / ".runledger" / "artifacts" / "incoming").glob("*"))


def test_a_client_killed_while_it_sends_leaves_nothing(
    folder: Path, half_sent: Callable[[str, int], "subprocess.Popen[str]"]
) -> None:
    with running(folder) as server:
        process = half_sent(server.url, 2)
        until(lambda: any(draft.stat().st_size > 0 for draft in drafts(folder)))
        process.send_signal(signal.SIGKILL)
        until(lambda: drafts(folder) == [])

        assert kept(folder) == []
        assert server.get("/readyz").status == 200


@pytest.mark.parametrize("who", ["a server", "a script on the folder"])
def test_whoever_is_killed_while_it_stores_leaves_a_draft_that_is_cleaned_later(
    who: str, folder: Path, half_sent: Callable[[str, int], "subprocess.Popen[str]"]
) -> None:
    with running(folder) as server:
        process = half_sent(server.url if who == "a server" else str(folder), 2 if who == "a server" else 1)
        until(lambda: any(draft.stat().st_size > 0 for draft in drafts(folder)))
        (server.process if who == "a server" else process).send_signal(signal.SIGKILL)
        (server.process if who == "a server" else process).wait(30)
    (draft,) = drafts(folder)
    assert kept(folder) == []

    with closing(connect(str(folder))) as client:
        client.put_content(io.BytesIO(b"x"))
        assert drafts(folder) == [draft]
    old = time.time() - STALE_SECONDS - 1
    os.utime(draft, (old, old))
    with running(folder) as server, closing(RemoteClient(server.url)) as remote:
        content = remote.put_content(io.BytesIO(b"x" * SIZE))
        with remote.open_content(content.sha256) as file:
            assert file.read() == b"x" * SIZE
    assert drafts(folder) == []


def test_files_may_lie_wherever_fsspec_reaches(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_ARTIFACTS", f"local://{tmp_path}/bucket")
    with running(folder) as server, closing(RemoteClient(server.url)) as client:
        client.execute(StartRun(run_id="r", experiment="files"))
        assert put(server, "/runs/r/artifacts/a.txt", b"abc")[0] == 200
        assert server.get("/api/v1/runs/r/artifacts/a.txt").body == b"abc"
    digest = sha256(b"abc").hexdigest()
    assert (tmp_path / "bucket" / "sha256" / digest[:2] / digest).read_bytes() == b"abc"
    assert not (folder / ".runledger" / "artifacts").exists()
    with closing(connect(str(folder))) as embedded:
        assert (
            embedded.artifact_address("r", "a.txt", digest) == f"local://{tmp_path}/bucket/sha256/{digest[:2]}/{digest}"
        )


def test_a_place_in_the_configuration_is_seen_from_the_workspace(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder(folder, log="sqlite")
    with (folder / ".runledger" / "config.toml").open("a") as config:
        config.write('artifacts = "../elsewhere"\n')
    monkeypatch.chdir("/")
    with closing(connect(str(folder))) as client:
        content = client.put_content(io.BytesIO(b"abc"))

    assert list((tmp_path / "elsewhere" / "sha256").glob(f"*/{content.sha256}"))
    monkeypatch.setenv("RUNLEDGER_ARTIFACT_BYTES", "much")
    with pytest.raises(WorkspaceError, match="much"):
        connect(str(folder))
