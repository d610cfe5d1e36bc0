"""Logging in with a password over real HTTP: cookies, forms, other sites' pages, and the end of a session."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from ledger.commands import AddUser, Command, CreateExperiment, DisableUser, EndSessions, SetPassword
from runledger.server.csrf import FORM_BYTES
from runledger.wiring import connect
from schemas.roles import Role
from tests.runledger.cli.calling import call
from tests.runledger.server.cheap import HASH, OTHER_HASH, PASSWORD
from tests.runledger.server.running import JSON, Reply, Server, running

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGE = {"Accept": "text/html,application/xhtml+xml"}


def operate(folder: Path, *commands: Command) -> None:
    with closing(connect(str(folder))) as operator:
        for command in commands:
            operator.execute(command)


@dataclass
class Served:
    folder: Path
    server: Server
    users: Iterator[int] = field(default_factory=lambda: iter(range(1_000)))

    def user(self, role: Role = Role.CONTRIBUTOR) -> str:
        """A new user who can log in."""
        name = f"user{next(self.users)}"
        operate(self.folder, AddUser(user=name, role=role), SetPassword(user=name, password_hash=HASH))
        return name


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("login")
    with running(folder) as server:
        operate(folder, AddUser(user="first", role=Role.ADMIN))
        yield Served(folder, server)


@dataclass
class Browser:
    """Keeps cookies as a browser does, and says of itself what one says."""

    server: Server
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: Mapping[str, str] | bytes | None = None, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = PAGE | self.headers | (FORM if isinstance(body, Mapping) else JSON if body is not None else {}) | named
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        content = urlencode(body).encode() if isinstance(body, Mapping) else body
        reply = self.server.ask(method, path, content, sent)
        self._keep(reply)
        return reply

    def form(self, path: str = "/login") -> str:
        found = re.search(rb'name="csrf_token" value="([0-9a-f]{64})"', self.ask("GET", path).body)
        assert found is not None
        return found[1].decode()

    def log_in(self, name: str, password: str = PASSWORD, then: str = "/runs", **headers: str) -> Reply:
        fields = {"csrf_token": self.form(), "name": name, "password": password, "next": then}
        return self.ask("POST", "/login", fields, **headers)

    def csrf(self) -> str:
        found = re.search(
            rb"X-CSRF-Token&#34;: &#34;([0-9a-f]{64})|\"X-CSRF-Token\": \"([0-9a-f]{64})", self.ask("GET", "/runs").body
        )
        assert found is not None
        return (found[1] or found[2]).decode()

    def command(self, **headers: str) -> Reply:
        content = {"type": "create-experiment", "command": str(uuid4()), "name": f"e{uuid4().hex}"}
        return self.ask("POST", "/api/v1/commands", json.dumps(content).encode(), **headers)

    def _keep(self, reply: Reply) -> None:
        for line in reply.cookies:
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


def session_in(browser: Browser) -> str | None:
    return next((value for name, value in browser.cookies.items() if name.endswith("_session")), None)


def test_who_is_not_logged_in_is_sent_to_the_form_and_back(served: Served) -> None:
    browser = Browser(served.server)
    sent = browser.ask("GET", "/runs?status=Failed")
    name = served.user()
    entered = browser.log_in(name, then="/runs?status=Failed")
    page = browser.ask("GET", "/runs?status=Failed")

    assert (sent.status, sent.headers["location"]) == (303, "/login?next=%2Fruns%3Fstatus%3DFailed")
    assert (entered.status, entered.headers["location"]) == (303, "/runs?status=Failed")
    assert page.status == 200
    assert name.encode() in page.body
    assert browser.ask("GET", "/login?next=/experiments").headers["location"] == "/experiments"


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(served: Served) -> None:
    browser = Browser(served.server)
    [line] = [line for line in browser.log_in(served.user()).cookies if "_session=" in line]
    port = served.server.address.rpartition(":")[2]

    assert line.startswith(f"runledger_{port}_session=rs_")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(line.split("; "))
    assert "Secure" not in line


def test_anywhere_but_on_this_machine_the_cookie_needs_encryption(served: Served) -> None:
    browser = Browser(served.server, {"Host": "ledger.example.org"})
    [line] = [line for line in browser.log_in(served.user()).cookies if "_session=" in line]

    assert line.startswith("__Host-runledger_session=rs_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(line.split("; "))


@pytest.mark.parametrize(
    "then", ["//evil.example", "https://evil.example/", "/\\evil.example", "\\\\evil", "/login", "x"]
)
def test_after_logging_in_nobody_is_sent_elsewhere(served: Served, then: str) -> None:
    assert Browser(served.server).log_in(served.user(), then=then).headers["location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(served: Served) -> None:
    name, without = served.user(), f"bare{uuid4().hex[:8]}"
    operate(served.folder, AddUser(user=without, role=Role.VIEWER))
    replies = [
        Browser(served.server).log_in(user, password)
        for user, password in ((name, "wrong horse battery"), ("nobody", PASSWORD), (without, PASSWORD), (without, ""))
    ]

    assert [reply.status for reply in replies] == [401] * 4
    assert all(b"The name or the password is wrong." in reply.body for reply in replies)
    assert not any("_session=" in line for reply in replies for line in reply.cookies)


def test_a_form_of_another_site_logs_nobody_in(served: Served) -> None:
    name = served.user()
    fields = {"name": name, "password": PASSWORD}
    without = Browser(served.server).ask("POST", "/login", fields)
    stranger, victim = Browser(served.server), Browser(served.server)
    victim.form()
    made_up = victim.ask("POST", "/login", fields | {"csrf_token": stranger.form()})
    cross = Browser(served.server).log_in(name, Origin="http://evil.example")
    fetched = Browser(served.server).log_in(name, Sec_Fetch_Site="cross-site")

    assert [reply.status for reply in (without, made_up, cross, fetched)] == [403] * 4
    assert not any("_session=" in line for reply in (without, made_up, cross, fetched) for line in reply.cookies)


def test_what_a_cookie_changes_needs_the_token_of_a_page(served: Served) -> None:
    browser = Browser(served.server)
    browser.log_in(served.user())
    token = browser.csrf()
    other = Browser(served.server)
    other.log_in(served.user())
    refused = [
        browser.command(),
        browser.command(X_CSRF_Token=""),
        browser.command(X_CSRF_Token=other.csrf()),
        browser.command(X_CSRF_Token=token, Origin="http://evil.example"),
        browser.command(X_CSRF_Token=token, Origin="null"),
        browser.command(X_CSRF_Token=token, Sec_Fetch_Site="same-site"),
    ]
    taken = [
        browser.command(X_CSRF_Token=token),
        browser.command(X_CSRF_Token=token, Origin=served.server.url),
        browser.command(X_CSRF_Token=token, Sec_Fetch_Site="same-origin", Origin=served.server.url),
    ]

    assert [reply.status for reply in refused] == [403] * 6
    assert all(reply.json()["type"].endswith("foreign-request") for reply in refused)
    assert [reply.status for reply in taken] == [200] * 3


def test_a_form_that_is_refused_is_answered_by_a_page(served: Served) -> None:
    browser = Browser(served.server)
    browser.log_in(served.user())
    refused = browser.ask("POST", "/lists/bulk", {"do": "archive", "run": "r", "csrf_token": "0" * 64})
    assert refused.status == 403
    assert refused.headers["content-type"].startswith("text/html")
    assert "load the page again" in refused.body.decode()


def test_a_token_needs_neither_and_comes_before_the_cookie(served: Served) -> None:
    browser = Browser(served.server)
    browser.log_in(served.user())

    assert browser.command(Authorization="Bearer rl_0123456789ab_x", Accept="*/*").status == 401


def test_changes_carry_who_is_logged_in(served: Served) -> None:
    browser, name = Browser(served.server), served.user()
    browser.log_in(name)
    run = f"r{uuid4().hex}"
    content = {"type": "start-run", "command": str(uuid4()), "run_id": run, "experiment": "e"}
    body = json.dumps(content).encode()
    assert browser.ask("POST", "/api/v1/commands", body, X_CSRF_Token=browser.csrf()).status == 200

    assert browser.ask("GET", f"/api/v1/runs/{run}/history").json()[0]["actor"] == name


def test_a_viewer_may_look_and_not_write(served: Served) -> None:
    browser = Browser(served.server)
    browser.log_in(served.user(Role.VIEWER))

    assert browser.ask("GET", "/api/v1/me").json()["rights"] == ["read"]
    assert browser.command(X_CSRF_Token=browser.csrf()).json()["type"].endswith("forbidden")


def test_what_is_recorded_of_people_is_for_admins(served: Served) -> None:
    pages = []
    operate(served.folder, AddUser(user="wanda", role=Role.VIEWER, email="wanda@example.org"))
    for role in (Role.VIEWER, Role.ADMIN):
        browser = Browser(served.server)
        browser.log_in(served.user(role))
        pages.append(browser.ask("GET", "/ledger").body)

    assert [b"wanda@example.org" in page for page in pages] == [False, True]
    assert [b"session.began" in page for page in pages] == [True, True]
    assert not any(b"argon2" in page for page in pages)


def test_logging_out_ends_this_session_or_all(served: Served) -> None:
    name = served.user()
    here, there = Browser(served.server), Browser(served.server)
    here.log_in(name)
    there.log_in(name)
    assert here.ask("POST", "/logout", {}).status == 403
    kept = dict(here.cookies)
    out = here.ask("POST", "/logout", {"csrf_token": here.csrf()})
    here.cookies = kept
    after_one = (here.ask("GET", "/runs").status, there.ask("GET", "/runs").status)
    here.log_in(name)
    here.ask("POST", "/logout", {"csrf_token": here.csrf(), "everywhere": "1"})

    assert (out.status, out.headers["location"], after_one) == (303, "/login", (303, 200))
    assert there.ask("GET", "/runs").status == 303


@pytest.mark.parametrize("how", ["disabled", "password", "logout"])
def test_a_session_is_over_at_the_next_request(served: Served, how: str) -> None:
    name, browser = served.user(), Browser(served.server)
    browser.log_in(name)
    assert browser.ask("GET", "/api/v1/me").status == 200
    ending: dict[str, Command] = {
        "disabled": DisableUser(user=name),
        "password": SetPassword(user=name, password_hash=OTHER_HASH),
        "logout": EndSessions(user=name),
    }
    operate(served.folder, ending[how])

    assert browser.ask("GET", "/api/v1/me", Accept="*/*").status == 401
    assert browser.ask("GET", "/runs").status == 303
    form = browser.ask("POST", "/views", {"name": "x"}, Referer=f"{served.server.url}/views/new?from=runs")
    assert (form.status, form.headers["location"]) == (303, "/login?next=%2Fviews%2Fnew%3Ffrom%3Druns")
    part = browser.ask("GET", "/runs/rows", HX_Request="true", HX_Current_URL="http://h/runs?status=Failed")
    assert (part.status, part.headers["hx-redirect"]) == (401, "/login?next=%2Fruns%3Fstatus%3DFailed")


def test_what_is_streamed_ends_with_the_session(served: Served) -> None:
    name, browser = served.user(), Browser(served.server)
    browser.log_in(name)
    cookie = "; ".join(f"{key}={value}" for key, value in browser.cookies.items())
    connection = HTTPConnection(served.server.address, timeout=30)
    try:
        connection.request("GET", "/api/v1/stream", headers={"Cookie": cookie})
        response = connection.getresponse()
        assert response.status == 200
        operate(served.folder, EndSessions(user=name), CreateExperiment(name=f"after{uuid4().hex}"))
        said = read_to_the_end(response)
    finally:
        connection.close()

    assert b"after" not in said


def read_to_the_end(response: HTTPResponse) -> bytes:
    """All until the server ends it, in whatever way; a socket that stays open times out."""
    said = b""
    with suppress(IncompleteRead, ConnectionError):
        while part := response.read1():
            said += part
    return said


def test_a_form_that_is_too_large_is_not_read_to_its_end(served: Served) -> None:
    browser = Browser(served.server)
    browser.log_in(served.user())
    large = browser.ask("POST", "/logout", {"csrf_token": browser.csrf(), "x": "y" * FORM_BYTES})
    login = browser.ask("POST", "/login", {"csrf_token": browser.csrf(), "name": "y" * 20_000})

    assert (large.status, login.status) == (413, 403)
    assert browser.ask("GET", "/api/v1/me").status == 200


def test_a_session_outlives_the_server_and_holds_on_every_one(tmp_path: Path) -> None:
    with running(tmp_path) as server, running(tmp_path) as other:
        operate(tmp_path, AddUser(user="ada", role=Role.VIEWER), SetPassword(user="ada", password_hash=HASH))
        browser = Browser(server, {"Host": "ledger"})
        assert browser.log_in("ada").status == 303
        browser.server = other
        elsewhere = browser.ask("GET", "/api/v1/me").json()
    with running(tmp_path) as again:
        browser.server = again
        later = browser.ask("GET", "/api/v1/me").json()

    assert elsewhere["user"] == later["user"] == "ada"


def test_before_there_is_a_user_another_sites_page_changes_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        browser = Browser(server)
        looked = browser.ask("GET", "/runs")
        plain = browser.command()
        refused = [
            browser.command(Origin="http://evil.example"),
            browser.command(Sec_Fetch_Site="cross-site"),
            browser.command(Sec_Fetch_Site="same-site", Origin="http://localhost:1"),
        ]
        ours = browser.command(Sec_Fetch_Site="same-origin", Origin=server.url)
        proxied = browser.ask("GET", "/api/v1/runs", Accept="*/*", X_Forwarded_For="203.0.113.7")

    assert (looked.status, plain.status, ours.status) == (200, 200, 200)
    assert [reply.status for reply in refused] == [403] * 3
    assert (proxied.status, "proxy" in proxied.json()["detail"]) == (401, True)


def test_guessing_is_slowed_down_and_recorded_without_what_was_typed(tmp_path: Path) -> None:
    secret = "hunter2 typed into the wrong field"
    with running(tmp_path) as server:
        operate(tmp_path, AddUser(user="ada", role=Role.VIEWER), SetPassword(user="ada", password_hash=HASH))
        browser = Browser(server)
        statuses = [browser.log_in("ADA", f"wrong horse {number}").status for number in range(6)]
        waiting = browser.log_in("ada")
        Browser(server).log_in(secret, "x")
        assert server.process.stderr is not None
        assert server.process.stdout is not None
        assert server.stop() == 0
        logged = server.process.stderr.read() + server.process.stdout.read()
    refused = [event["data"] for event in events(tmp_path) if event["type"] == "runledger.login.refused.v1"]
    counts: Counter[tuple[str, str]] = Counter()
    for each in refused:
        counts[each["user_name"], each["why"]] += each["count"]

    assert statuses[:5] == [401] * 5
    assert waiting.status == 429
    assert int(waiting.headers["retry-after"]) >= 1
    assert counts["ada", "password"] + counts["ada", "throttled"] == 7
    assert counts[f"hu... ({len(secret)} characters)", "password"] == 1
    assert {each["address"] for each in refused} == {"127.0.0.1"}
    assert not any(text in logged + json.dumps(refused) for text in (secret, "wrong horse", PASSWORD, "rs_"))


def test_a_token_that_lets_nobody_in_is_recorded_by_its_id_alone(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        operate(tmp_path, AddUser(user="ada", role=Role.VIEWER))
        headers = JSON | {"Authorization": "Bearer rl_0123456789ab_secretsecret"}
        assert [server.ask("GET", "/api/v1/runs", None, headers).status for _ in range(3)] == [401] * 3
        assert server.stop() == 0
    refused = [event["data"] for event in events(tmp_path) if event["type"] == "runledger.login.refused.v1"]

    assert {(each["user_name"], each["why"]) for each in refused} == {("(token)", "token")}
    assert sum(each["count"] for each in refused) == 3
    assert "secretsecret" not in json.dumps(refused)


def events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in call("events", "tail", "--last", 1000, "-w", folder).out.splitlines()]


def test_every_answer_says_what_a_browser_must_not_do(served: Served) -> None:
    for path in ("/livez", "/login", "/runs", "/api/v1/runs", "/nowhere", "/static/none.css"):
        headers = Browser(served.server).ask("GET", path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "same-origin", path
        assert headers["cross-origin-opener-policy"] == "same-origin", path
        assert "camera=()" in headers["permissions-policy"], path
        assert "strict-transport-security" not in headers, path


def test_what_a_proxy_says_counts_only_if_it_is_trusted(tmp_path: Path) -> None:
    forwarded = {"X-Forwarded-For": "198.51.100.9, 203.0.113.7", "X-Forwarded-Proto": "https", "Host": "127.0.0.1"}
    found: dict[str, tuple[str, bool]] = {}
    for folder, options in (("plain", ()), ("trusted", ("--trusted-proxy", "127.0.0.1"))):
        with running(tmp_path / folder, *options) as server:
            operate(
                tmp_path / folder, AddUser(user="ada", role=Role.VIEWER), SetPassword(user="ada", password_hash=HASH)
            )
            reply = Browser(server, forwarded).log_in("ada")
            assert reply.status == 303
            assert all("Secure" in line for line in reply.cookies)
        [began] = [event["data"] for event in events(tmp_path / folder) if event["type"].endswith("session.began.v1")]
        found[folder] = (began["address"], "strict-transport-security" in reply.headers)

    assert found == {"plain": ("127.0.0.1", False), "trusted": ("203.0.113.7", True)}


def test_a_server_that_has_names_answers_to_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNLEDGER_SERVER_NAMES", "Ledger.example.org")
    with running(tmp_path) as server:
        operate(tmp_path, AddUser(user="ada", role=Role.VIEWER))
        statuses = [
            Browser(server, {"Host": host}).ask("GET", "/login").status
            for host in ("ledger.example.org", "ledger.example.org:443", "localhost", "evil.example")
        ]

    assert statuses == [200, 200, 200, 421]
