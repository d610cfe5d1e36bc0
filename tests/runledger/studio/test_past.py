"""Pages as of a moment: what there was, with a word that it was, and no way to change it."""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

import pytest
from playwright.sync_api import Page, expect

from tests.runledger.server.running import Server, running
from tests.runledger.studio.axe import findings_in_both_themes
from tests.runledger.studio.seeding import log, scalars

RULE, VIEW = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


class Told(NamedTuple):
    """A server, the position of the moment, and when it was recorded."""

    server: Server
    position: int
    time: str


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    with running(tmp_path_factory.mktemp("past")) as server:
        server.send("create-experiment", name="before")
        for run_id in ("one", "two"):
            server.send("start-run", run_id=run_id, experiment="digits", tags={"team": "vision"})
        server.send("start-run", run_id="child", experiment="digits", parent_run_id="one")
        rule = {"name": "old rule", "recipients": ["a@example.org"]}
        server.send("define-rule", rule_id=RULE, definition=rule)
        server.send("save-view", view_id=VIEW, name="old view", query="filter=status%3Ais%3ARunning")
        for run_id in ("one", "two"):
            log(server, run_id, "w", scalars("loss", [0.5, 0.375]))
        position = server.send("tag-run", run_id="one", tags={"then": None}).json()["position"]
        recorded = server.get("/api/v1/runs/one/history").json()[-1]["recorded_at"]
        while server.get("/api/v1/runs/one/history").json()[-1]["recorded_at"] == recorded:
            server.send("tag-run", run_id="one", tags={"now": None})
            server.send("untag-run", run_id="one", keys=["now"])
        log(server, "one", "w", scalars("loss", [0.125], first=3), first=3)
        for run_id, status in (("one", "Failed"), ("child", "Completed")):
            server.send("change-status", run_id=run_id, status=status)
        server.send("start-run", run_id="late", experiment="later")
        server.send("change-rule", rule_id=RULE, definition=rule | {"name": "new rule"})
        server.send("delete-view", view_id=VIEW)
        yield Told(server, position, recorded.replace("+00:00", "Z"))


@pytest.fixture(scope="module")
def server(told: Told) -> Server:
    return told.server


def main_of(told: Told, address: str, status: int = 200) -> str:
    reply = told.server.get(address)
    assert reply.status == status, reply.body.decode()
    return reply.body.decode().partition("<main")[2].partition("</main>")[0]


def text(main: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def links(main: str) -> list[str]:
    return [unescape(address) for address in re.findall(r'href="([^"]*)"', main)]


PAGES = ("/runs", "/experiments", "/experiments/digits", "/runs/one", "/runs/one/children", "/runs/one/metrics")
MORE = (f"/alerts/{RULE}", "/alerts", "/views", "/compare?run=one&run=two")


@pytest.mark.parametrize("address", [*PAGES, *MORE])
def test_each_page_says_as_of_when_it_is_and_has_nothing_to_change(told: Told, address: str) -> None:
    mark = "&" if "?" in address else "?"
    for moment in (str(told.position), told.time):
        whole = told.server.get(f"{address}{mark}as_of={moment}")
        assert whole.status == 200, whole.body.decode()
        assert b"data-past" in whole.body
        main = main_of(told, f"{address}{mark}as_of={moment}")
        assert f"As of position {told.position}" in text(main)
        assert address in links(main)  # back to now
        assert 'method="post"' not in main.replace('data-bulk method="post"', "")
        assert "Archive</button>" not in main
    now = main_of(told, address)
    assert "As of position" not in text(now)
    assert 'name="as_of"' in now


@pytest.mark.parametrize("address", [*PAGES, *MORE, f"/views/{VIEW}"])
def test_what_is_no_moment_or_has_not_come_is_said_with_the_way_out(told: Told, address: str) -> None:
    mark = "&" if "?" in address else "?"
    assert "name a position such as 17" in text(main_of(told, f"{address}{mark}as_of=lately", 422))
    for ahead in ("1000000", "2999-01-01"):
        assert "name an earlier moment" in text(main_of(told, f"{address}{mark}as_of={ahead}", 404))


def test_a_list_and_what_it_leads_to_stay_in_the_past(told: Told) -> None:
    as_of = f"as_of={told.position}"
    main = main_of(told, f"/runs?{as_of}&filter=status%3Ais%3ARunning")
    assert "2 runs" in text(main)
    assert "late" not in text(main)
    assert {f"/runs/one?{as_of}", f"/runs/one/children?{as_of}", f"/experiments/digits?{as_of}"} <= set(links(main))
    away = next(each for each in links(main) if each.startswith("/runs?") and "filter" not in each and as_of in each)
    assert "2 runs" in text(main_of(told, away))
    assert f"/runs?include_children=true&{as_of}" in links(main_of(told, f"/runs?{as_of}"))
    exported = told.server.get(f"/lists/export?{as_of}&format=csv").body.decode()
    assert exported.count("Running") == 2


def test_a_run_is_told_as_it_was_in_its_tabs(told: Told) -> None:
    as_of = f"as_of={told.position}"
    overview = main_of(told, f"/runs/one?{as_of}")
    assert "Failed" not in text(overview)
    assert "then" in text(overview)
    assert "0.375" in text(overview)
    assert "0.125" not in text(overview)
    assert f"at position {told.position} of the ledger" in text(overview)
    assert f"/runs/one/metrics?{as_of}" in links(overview)
    assert f"/runs/one/history?{as_of}#as-of-run" in links(overview)
    assert "/runs/one/outputs" in links(overview)
    assert "1 Running" in text(main_of(told, f"/runs/one/children?{as_of}"))
    metrics = main_of(told, f"/runs/one/metrics?{as_of}")
    assert "2 points" in text(metrics)
    assert f'"as_of": "{told.position}"' in unescape(metrics)
    table = f"/runs/one/metrics/table?name=loss&{as_of}"
    assert table in links(metrics)
    assert "0.125" not in text(main_of(told, table))
    assert "0.125" not in told.server.get(f"/runs/one/metrics/csv?name=loss&{as_of}").body.decode()
    assert "as of position" in text(main_of(told, f"/runs/late?{as_of}", 404))


def test_experiments_rules_and_views_are_told_as_they_were(told: Told) -> None:
    as_of = f"as_of={told.position}"
    experiments = text(main_of(told, f"/experiments?{as_of}"))
    assert "digits 3 3 Running" in experiments
    assert "later" not in experiments
    assert "old rule" in text(main_of(told, f"/alerts?{as_of}"))
    assert "new rule" in text(main_of(told, "/alerts"))
    assert "old rule" in text(main_of(told, f"/alerts/{RULE}?{as_of}"))
    assert "old view" in text(main_of(told, f"/views?{as_of}"))
    assert "No views yet" in text(main_of(told, "/views"))
    opened = told.server.get(f"/views/{VIEW}?{as_of}")
    assert opened.status == 303
    assert "old view" in text(main_of(told, opened.headers["location"]))
    assert "There were no views" in text(main_of(told, "/views?as_of=1"))
    assert "There were no rules" in text(main_of(told, "/alerts?as_of=1"))


def test_runs_are_compared_as_they_were(told: Told) -> None:
    compared = main_of(told, f"/compare?run=one&run=two&as_of={told.position}")
    assert "Failed" not in text(compared)
    assert "then" in text(compared)
    charts = main_of(told, f"/charts/compare?run=one&run=two&as_of={told.position}")
    assert f'"as_of": "{told.position}"' in unescape(charts)
    assert "Failed" in text(main_of(told, "/compare?run=one&run=two"))


def test_histories_and_the_audit_lead_there(told: Told) -> None:
    history = links(main_of(told, f"/runs/one/history?as_of={told.position}"))
    assert {f"/runs/one?as_of={told.position}", f"/runs?as_of={told.position}"} <= set(history)
    assert f"/runs/one?as_of={told.position}" in links(main_of(told, "/ledger/audit?thing=one"))
    assert any(
        re.fullmatch(rf"/alerts/{RULE}\?as_of=\d+", each) for each in links(main_of(told, f"/alerts/{RULE}/history"))
    )


def test_a_moment_is_chosen_kept_and_left_in_a_browser(page: Page, told: Told) -> None:
    page.goto("/runs?filter=tag.team:is:vision")
    page.get_by_text("As of", exact=True).click()
    page.get_by_label("or a position of the ledger").fill(str(told.position))
    page.locator("form", has=page.get_by_label("or a position of the ledger")).get_by_role(
        "button", name="Show"
    ).click()
    expect(page.locator(".notice.past")).to_contain_text(f"As of position {told.position}")
    expect(page.locator("tr[data-row]")).to_have_count(2)
    assert findings_in_both_themes(page) == []
    page.get_by_role("link", name="one", exact=True).click()
    expect(page.locator("#run-head")).to_contain_text("Running")
    # What happens is not shown: the page is about what was.
    told.server.send("describe-run", run_id="one", changes={"display_name": "called otherwise"})
    told.server.send("change-status", run_id="two", status="Completed")
    expect(page.locator("#run-head")).not_to_contain_text("otherwise")
    assert page.evaluate("performance.getEntriesByName(location.origin + '/api/v1/stream').length") == 0
    assert not page.evaluate("performance.getEntriesByType('resource').some(each => each.name.includes('/stream'))")
    assert findings_in_both_themes(page) == []
    page.get_by_role("link", name="Metrics", exact=True).click()
    expect(page.locator("[data-points='2']")).to_be_visible()
    page.get_by_role("link", name="Back to now").click()
    expect(page.locator("[data-points='3']")).to_be_visible()
    expect(page.locator(".notice.past")).to_have_count(0)
