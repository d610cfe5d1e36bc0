"""A server with something in it, and an admin's token."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from ledger.commands import AddUser, DefineRule, IssueToken, StartRun
from ledger.users.tokens import draw_token
from ledger.workspace.folder import make_folder
from runledger.wiring import connect
from schemas.roles import Role
from tests.faults.api.fuzz import Known, session_of
from tests.runledger.server.running import Server, running

ADMIN = "fuzzing-admin"


@contextmanager
def _heard(server: Server) -> Iterator[None]:
    """Let the server say of its errors what it wants: a pipe that nobody reads would hold it up."""
    if server.process.stderr is None:
        raise TypeError(server)
    reading = threading.Thread(target=server.process.stderr.read)
    reading.start()
    yield
    server.process.kill()
    reading.join()


@contextmanager
def served(folder: Path) -> Iterator[tuple[Server, str, Known]]:
    """The server, the token, and what is there."""
    make_folder(folder, log="sqlite")
    token, content = draw_token(), b"known"
    known = Known("known-run", "known-experiment", str(uuid4()), hashlib.sha256(content).hexdigest())
    with closing(connect(str(folder))) as operator:
        operator.execute(AddUser(user=ADMIN, role=Role.ADMIN))
        operator.execute(IssueToken(user=ADMIN, token_id=token.id, token_hash=token.hash))
        operator.execute(StartRun(run_id=known.run_id, experiment=known.experiment, tags={"a": "b"}))
        rule = {"name": "known", "to": ["Failed"], "recipients": ["ada@example.org"]}
        operator.execute(DefineRule(rule_id=known.rule_id, definition=rule))
    with running(folder) as server, _heard(server):
        session = session_of(token.text)
        path = f"{server.url}/api/v1/runs/{known.run_id}"
        assert session.put(f"{path}/artifacts/{known.experiment}", data=content, timeout=30).status_code == 200
        assert session.put(f"{path}/output/0", data=b"printed", timeout=30).status_code == 200
        sent = {"run_id": known.run_id, "writer": "w", "first": 1, "last": 1}
        series = {"name": "loss", "kind": "scalar", "index": [1], "times": [1], "values": [0.5]}
        headers = {"Content-Type": "application/json"}
        body = json.dumps(sent | {"series": [series]})
        assert session.post(f"{server.url}/api/v1/values", data=body, headers=headers, timeout=30).ok
        session.close()
        yield server, token.text, known
