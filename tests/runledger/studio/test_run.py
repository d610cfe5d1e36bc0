"""The page of a run, as the server writes it: every tab, without a browser."""

import hashlib
import io
import json
import re
import time
from collections.abc import Iterator, Mapping
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4
from zipfile import ZipFile

import pytest

from schemas.roles import Role
from tests.runledger.server.running import Reply, Server, running
from tests.runledger.server.test_auth import give
from tests.runledger.server.test_values import batch
from tests.runledger.server.test_values import send as send_values

_ORIGIN = {
    "host": "node-7",
    "user": "ada",
    "python": "3.11.7",
    "command_line": ["python", "train.py", "--lr", "0.1"],
    "git": {"repository": "git@example.org:digits.git", "branch": "main", "commit": "c0ffee" * 6, "dirty": True},
}
_TABS = ("", "/children", "/history", "/alerts", "/snapshot", "/edit")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("run")) as started:
        yield started


def page(server: Server, address: str, status: int = 200) -> str:
    """The text of a page, as people read it."""
    reply = server.get(address)
    assert reply.status == status, reply.body.decode()
    return text_of(reply)


def text_of(reply: Reply) -> str:
    main = reply.body.decode().partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def post(server: Server, address: str, fields: Mapping[str, str]) -> Reply:
    return server.ask("POST", address, urlencode(fields).encode(), _FORM)


def started(server: Server, **fields: Any) -> str:
    run_id = f"r-{uuid4().hex[:8]}"
    assert server.send("start-run", run_id=run_id, experiment="digits", **fields).status == 200
    return run_id


def seen(server: Server, run_id: str) -> str:
    return str(server.get(f"/api/v1/runs/{run_id}").json()["last_position"])


def test_the_overview_tells_where_a_run_ran_and_how_it_ended(server: Server) -> None:
    run_id = started(server, origin=_ORIGIN, display_name="brave", tags={"team": "vision"})
    send_values(server, batch(run_id))
    server.send("add-properties", run_id=run_id, properties={"dataset": "v3"})
    server.send("add-parameters", run_id=run_id, parameters={"lr": 0.125})
    server.send("warn-run", run_id=run_id, source="sdk", code="LimitReached", message="too many names", count=3)
    server.send(
        "change-status",
        run_id=run_id,
        status="Failed",
        error={"code": "OutOfMemory", "message": "CUDA out of memory", "type": "RuntimeError", "traceback": "line 7"},
        certainty="its process was killed by signal 9",
        presumed=True,
        log_lines=[f"step {number}" for number in range(30)],
    )
    text = page(server, f"/runs/{run_id}")
    for expected in (
        "node-7",
        "python train.py --lr 0.1",
        "main",
        "c0ffeec0ffee",
        "with changes that were not committed",
    ):
        assert expected in text
    for expected in ("OutOfMemory · RuntimeError", "CUDA out of memory", "line 7", "presumed", "killed by signal 9"):
        assert expected in text
    assert "The last 20 lines of its log step 10" in text
    assert "step 29" in text
    for expected in (
        "LimitReached \u00d7 3",
        "too many names",
        "dataset v3",
        "lr 0.125",
        "team: vision",
        "loss 0.5 0.5 0.5",
    ):
        assert expected in text
    last = server.get(f"/api/v1/runs/{run_id}/history").json()[-1]
    assert last["hash"] in text
    assert f"The last event is number {last['seq']} of this run, at position {last['position']} of the ledger" in text


def test_attempts_are_listed_with_what_each_came_to(server: Server) -> None:
    run_id = started(server, origin={"host": "node-1"})
    server.send("change-status", run_id=run_id, status="Failed", error={"code": "Preempted", "message": "spot taken"})
    server.send("resume-run", run_id=run_id, origin={"host": "node-2"})
    text = page(server, f"/runs/{run_id}")
    assert "attempt 2" in text
    assert "node-1" in text
    assert "Preempted: spot taken" in text
    assert "Host node-2" in text


@pytest.mark.parametrize("tab", [*_TABS, "/head", "/snapshot/download"])
def test_a_run_that_is_not_there_is_a_page_that_says_so(server: Server, tab: str) -> None:
    assert "there is no run 'nowhere'" in page(server, f"/runs/nowhere{tab}", 404)


def test_what_can_be_done_depends_on_where_the_run_is(server: Server) -> None:
    run_id = started(server)
    assert {"Cancel the run", "Mark as Failed", "Archive"} <= set(buttons(server, run_id))
    assert post(server, f"/runs/{run_id}/cancel", {"reason": "enough"}).status == 303
    assert "Cancel the run" not in buttons(server, run_id)
    assert "CancelRequested : enough" in page(server, f"/runs/{run_id}").replace(
        "CancelRequested:", "CancelRequested :"
    )
    finalizing = started(server)
    server.send("change-status", run_id=finalizing, status="Finalizing")
    assert "Cancel the run" not in buttons(server, finalizing)
    assert "Mark as Failed" in buttons(server, finalizing)
    server.send("change-status", run_id=run_id, status="Canceled")
    assert {"Cancel the run", "Mark as Failed"}.isdisjoint(buttons(server, run_id))
    assert post(server, f"/runs/{run_id}/archive", {}).status == 303
    assert "Restore" in buttons(server, run_id)


def buttons(server: Server, run_id: str) -> list[str]:
    found = re.findall(r"<button[^>]*>(.*?)</button>", server.get(f"/runs/{run_id}").body.decode(), re.DOTALL)
    return [re.sub(r"<[^>]+>", "", each).strip() for each in found]


def test_an_end_by_hand_has_the_error_and_the_reason_that_were_typed(server: Server) -> None:
    run_id = started(server)
    answer = post(server, f"/runs/{run_id}/fail", {"message": "wrong data", "reason": "seen in the plots"})
    assert answer.headers["location"].startswith(f"/runs/{run_id}?at=")
    run = server.get(f"/api/v1/runs/{run_id}").json()
    assert (run["status"], run["error"]["message"], run["status_reason"]) == (
        "Failed",
        "wrong data",
        "seen in the plots",
    )
    assert post(server, f"/runs/{run_id}/cancel", {}).status == 422


def test_a_form_that_is_sent_twice_is_done_once(server: Server) -> None:
    run_id = started(server)
    fields = {"message": "boom", "command": str(uuid4())}
    first, second = (post(server, f"/runs/{run_id}/fail", fields) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert len(server.get(f"/api/v1/runs/{run_id}/history").json()) == 2


@pytest.mark.parametrize("action", ["cancel", "fail", "archive", "restore", "tags", "properties"])
def test_loading_the_address_of_a_form_again_does_nothing(server: Server, action: str) -> None:
    run_id = started(server)
    answer = server.get(f"/runs/{run_id}/{action}")
    assert (answer.status, answer.headers["location"]) == (303, f"/runs/{run_id}")
    assert len(server.get(f"/api/v1/runs/{run_id}/history").json()) == 1


def test_a_property_is_written_once_and_the_form_keeps_what_was_typed(server: Server) -> None:
    run_id = started(server, properties={"dataset": "v3"})
    assert post(server, f"/runs/{run_id}/properties", {"key": "author", "value": "ada"}).status == 303
    refused = post(server, f"/runs/{run_id}/properties", {"key": "dataset", "value": "v4"})
    assert refused.status == 422
    assert "cannot become 'v4'" in text_of(refused)
    assert 'name="value" value="v4"' in refused.body.decode()
    assert server.get(f"/api/v1/runs/{run_id}").json()["properties"] == {"dataset": "v3", "author": "ada"}


def test_a_tag_that_another_has_changed_meanwhile_is_not_overwritten(server: Server) -> None:
    run_id = started(server, tags={"quality": "good"})
    at = seen(server, run_id)
    server.send("tag-run", run_id=run_id, tags={"quality": "bad"})
    for fields in ({"key": "quality", "value": "great", "edit": "quality"}, {"untag": "quality"}):
        refused = post(server, f"/runs/{run_id}/tags", {"seen": at, **fields})
        assert refused.status == 409
        assert "has set it to “bad” since you looked" in text_of(refused)
    assert post(server, f"/runs/{run_id}/tags", {"seen": at, "key": "other", "value": ""}).status == 303
    assert server.get(f"/api/v1/runs/{run_id}").json()["tags"] == {"quality": "bad", "other": None}
    now = {"seen": seen(server, run_id), "key": "quality", "value": "great", "edit": "quality"}
    assert post(server, f"/runs/{run_id}/tags", now).status == 303


def test_a_form_that_does_not_say_what_it_was_made_from_changes_nothing(server: Server) -> None:
    run_id = started(server)
    assert post(server, f"/runs/{run_id}/tags", {"key": "a"}).status == 422
    assert post(server, f"/runs/{run_id}/edit", {"description": "x", "seen": "yesterday"}).status == 400


def test_history_says_what_who_when_and_why_and_shows_one_kind_alone(server: Server) -> None:
    run_id = started(server, tags={"quality": "good"}, reason="nightly")
    server.send("tag-run", run_id=run_id, tags={"quality": "great"}, reason="looked at it", client="notebook")
    server.send("describe-run", run_id=run_id, changes={"description": "# Hello"})
    text = page(server, f"/runs/{run_id}/history")
    tagged = server.get(f"/api/v1/runs/{run_id}/history").json()[1]
    assert "tags.quality before: good → after: great" in text
    for expected in ("“looked at it”", "through notebook", f"position {tagged['position']}", "number 2 of the run"):
        assert expected in text
    assert tagged["hash"][:16] in text
    alone = page(server, f"/runs/{run_id}/history?kind=run.described")
    assert "# Hello" in alone
    assert "looked at it" not in alone
    assert "No such event" in page(server, f"/runs/{run_id}/history?kind=run.resumed")


def test_a_long_history_comes_in_pages(server: Server) -> None:
    run_id = started(server)
    for number in range(60):
        server.send("tag-run", run_id=run_id, tags={"step": str(number)})
    first = server.get(f"/runs/{run_id}/history").body.decode()
    assert first.count('<li class="event') == 50
    older = re.search(r'href="([^"]*before=12[^"]*)"', first)
    assert older is not None
    second = server.get(unescape(older[1])).body.decode()
    assert second.count('<li class="event') == 11


def test_what_was_told_late_says_when_it_happened(server: Server) -> None:
    run_id = started(server)
    server.send("tag-run", run_id=run_id, tags={"a": "b"}, occurred_at="2026-01-02T03:04:05+00:00")
    text = page(server, f"/runs/{run_id}/history")
    assert text.count("as its writer says") == 1
    assert "as its writer says, on 2026-01-02 03:04:05 UTC" in text


def test_a_run_is_shown_as_it_was_with_what_changed_since(server: Server) -> None:
    run_id = started(server, tags={"quality": "good"})
    at = seen(server, run_id)
    server.send("tag-run", run_id=run_id, tags={"quality": "great"})
    server.send("change-status", run_id=run_id, status="Completed")
    text = page(server, f"/runs/{run_id}/history?as_of={at}")
    then = text.partition("What the events up to there come to")[2].partition("What changed since")[0]
    assert "Running" in then
    assert "quality: good" in then
    since = text.partition("What changed since")[2].partition("Status changed by")[0]
    assert "status before: Running → after: Completed" in since
    assert "tags.quality before: good → after: great" in since
    before = page(server, f"/runs/{run_id}/history?as_of={int(at) - 1}", 404)
    assert f"it begins at position {at}" in before
    assert "Nothing: it is now as it was then." in page(server, f"/runs/{run_id}/history?as_of=999999")


def test_a_run_is_shown_as_it_was_at_a_time(server: Server) -> None:
    run_id = started(server)
    time.sleep(0.01)
    server.send("archive-run", run_id=run_id)
    began, archived = server.get(f"/api/v1/runs/{run_id}/history").json()
    at = quote(began["recorded_at"])
    assert "archived after: yes" in page(server, f"/runs/{run_id}/history?time={at}&as_of=")
    later = page(server, f"/runs/{run_id}/history?time={quote(archived['recorded_at'])}")
    assert "Nothing: it is now as it was then." in later
    assert "it begins at position" in page(server, f"/runs/{run_id}/history?time=2001-01-01T10:00", 404)
    assert "is no moment" in page(server, f"/runs/{run_id}/history?time=yesterday", 422)


def family(server: Server, count: int, **fields: object) -> str:
    parent = started(server)
    children(server, parent, count, parent, **fields)
    return parent


def children(server: Server, parent: str, count: int, root: str, **fields: object) -> list[str]:
    found = [f"{parent}.{number}" for number in range(count)]
    commands = [
        {"type": "start-run", "command": str(uuid4()), "run_id": each, "experiment": "digits", "parent_run_id": parent}
        | {"root_run_id": root}
        | fields
        for each in found
    ]
    for first in range(0, count, 100):
        body = json.dumps({"commands": commands[first : first + 100]}).encode()
        assert server.ask("POST", "/api/v1/commands/bulk", body).status == 200
    return found


def test_small_branches_are_open_at_any_depth_and_large_ones_closed(server: Server) -> None:
    root = family(server, 2)
    (deep,) = children(server, f"{root}.0", 1, root, status="Queued")
    children(server, deep, 1, root)
    children(server, f"{root}.1", 21, root)
    shown = server.get(f"/runs/{root}/children").body.decode()
    rows = re.findall(r'data-run="([^"]*)" class="depth-(\d)"', shown)
    assert rows == [(f"{root}.0", "0"), (deep, "1"), (f"{deep}.0", "2"), (f"{root}.1", "0")]
    text = page(server, f"/runs/{root}/children")
    assert "2 child runs 2 Running" in text
    assert "21 Running" in text
    assert re.findall(r'aria-expanded="(\w+)"', shown) == ["true", "true", "false"]
    below = server.get(f"/runs/{root}.1/children?depth=1").body.decode()
    assert below.count('class="depth-1"') == 21
    assert "<main" not in below
    assert "Child runs 2 2 Running" in page(server, f"/runs/{root}")
    assert "The whole tree" in page(server, f"/runs/{deep}/children")
    assert "No child runs" in page(server, f"/runs/{deep}.0/children")


def test_many_children_come_in_pages_oldest_first(server: Server) -> None:
    root = family(server, 60)
    first = server.get(f"/runs/{root}/children").body.decode()
    assert re.findall(r'data-run="[^"]*\.(\d+)"', first) == [str(number) for number in range(50)]
    more = re.search(r'hx-get="([^"]*cursor=[^"]*)"', first)
    assert more is not None
    second = server.get(unescape(more[1])).body.decode()
    assert re.findall(r'data-run="[^"]*\.(\d+)"', second) == [str(number) for number in range(50, 60)]


def test_the_code_that_ran_is_listed_read_and_downloaded(server: Server) -> None:
    run_id = started(server)
    assert "run.take_snapshot" in page(server, f"/runs/{run_id}/snapshot")
    packed = io.BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("train.py", "print('<script>')\n")
        archive.writestr("data/a b.bin", b"\x00\xff")
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    assert server.ask("PUT", f"/api/v1/contents/{digest}", packed.getvalue(), {}).status == 200
    artifact = {"name": ".snapshot/source.zip", "sha256": digest, "size": len(packed.getvalue()), "kind": "snapshot"}
    server.send("add-artifacts", run_id=run_id, artifacts=[artifact])
    listed = page(server, f"/runs/{run_id}/snapshot")
    assert "2 files" in listed
    assert "data/a b.bin 2 B" in listed
    assert "print('<script>')" in page(server, f"/runs/{run_id}/snapshot?file=train.py")
    assert "This file is no text." in page(server, f"/runs/{run_id}/snapshot?file=data/a%20b.bin")
    whole = server.get(f"/runs/{run_id}/snapshot/download")
    assert whole.body == packed.getvalue()
    one = server.get(f"/runs/{run_id}/snapshot/download?file=data/a%20b.bin")
    assert one.body == b"\x00\xff"
    assert one.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b.bin"
    assert one.headers["content-security-policy"].startswith("sandbox")
    broken = {"name": ".snapshot/source.zip", "sha256": hashlib.sha256(b"no zip").hexdigest(), "size": 6}
    other = started(server)
    assert server.ask("PUT", f"/api/v1/contents/{broken['sha256']}", b"no zip", {}).status == 200
    server.send("add-artifacts", run_id=other, artifacts=[broken])
    assert "the snapshot cannot be read" in page(server, f"/runs/{other}/snapshot", 422)
    for name in ("../etc/passwd", "nothing.py"):
        assert server.get(f"/runs/{run_id}/snapshot?file={name}").status == 404
        assert server.get(f"/runs/{run_id}/snapshot/download?file={name}").status == 404


def test_alerts_say_which_rule_told_whom_and_why_the_others_did_not(server: Server) -> None:
    for name, status in (("failures", "Failed"), ("good news", "Completed")):
        rule = {"name": name, "to": [status], "recipients": ["ops@example.org"]}
        assert server.send("define-rule", rule_id=str(uuid4()), definition=rule).status == 200
    run_id = started(server)
    server.send("change-status", run_id=run_id, status="Failed")
    text = page(server, f"/runs/{run_id}/alerts?reasons=1")
    told, _, silent = text.partition("Rules that did not tell of it")
    assert "failures Running -> Failed" in told
    assert "waits to be sent ops@example.org" in told
    assert "it is about runs that become Completed, and this one became Failed" in silent
    assert "good news" in silent


def test_who_may_not_write_sees_no_buttons_and_is_refused(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        run_id = started(server, tags={"a": "b"})
        viewer = give(tmp_path, "ada", Role.VIEWER)
        headers = {"Authorization": f"Bearer {viewer.text}"}
        shown = server.ask("GET", f"/runs/{run_id}", headers=headers)
        assert shown.status == 200
        assert 'method="post"' not in shown.body.decode()
        assert "Remove tag" not in shown.body.decode()
        assert server.ask("GET", f"/runs/{run_id}/edit", headers=headers).status == 403
        body = urlencode({"seen": "9", "key": "x"}).encode()
        assert server.ask("POST", f"/runs/{run_id}/tags", body, headers | _FORM).status == 403
