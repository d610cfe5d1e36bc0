"""The page of the ledger: what it holds, and whether it was changed."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.runledger.server.running import Server, running
from tests.runledger.studio.axe import findings_in_both_themes

_RUNS = 40


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("ledger")) as started:
        for number in range(_RUNS):
            started.send("start-run", run_id=f"run-{number:02}", experiment="e")
            started.send("tag-run", run_id=f"run-{number:02}", tags={"team": "<b>vision</b>"})
        yield started


def positions(page: Page) -> list[int]:
    return [int(text) for text in page.locator(".events tbody td:first-child.num").all_inner_texts()]


def test_events_come_newest_first_and_go_on_where_they_ended(page: Page) -> None:
    page.goto("/ledger")
    assert len(positions(page)) == 50
    page.get_by_role("link", name="Older events").click()
    expect(page.locator("tr[data-row]")).to_have_count(2 * _RUNS + 1)
    assert positions(page) == sorted(positions(page), reverse=True)
    assert len(set(positions(page))) == 2 * _RUNS + 1


def test_events_are_filtered_by_stream_and_type_without_script(browser: Browser, server: Server) -> None:
    with browser.new_context(base_url=server.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/ledger")
        page.get_by_label("Stream", exact=True).fill("run:run-07")
        page.get_by_label("Type").select_option("run.tagged")
        page.get_by_role("button", name="Filter").click()
        row = page.locator("tr[data-row]")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("team = <b>vision</b>")
        row.get_by_role("link", name="run:run-07", exact=True).click()
        expect(page).to_have_url(re.compile("/runs/run-07$"))


def test_an_event_is_shown_at_its_position_with_its_hash(page: Page) -> None:
    page.goto("/ledger?at=5")
    assert positions(page)[0] == 5
    assert re.fullmatch("[0-9a-f]{64}", page.locator("td.hash").first.get_attribute("title") or "")
    assert findings_in_both_themes(page) == []
    page.goto("/ledger?actor=nobody")
    expect(page.locator("main")).to_contain_text("No such events")


def test_everything_is_verified_from_the_page(page: Page) -> None:
    page.goto("/ledger")
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#check")).to_contain_text("Nothing was changed", timeout=30_000)
    expect(page.locator("#check")).to_contain_text(f"{2 * _RUNS + 2} events")
    running_hash = page.locator("dl.facts .hash").first.inner_text()
    expect(page.locator("#check .hash").first).to_have_text(running_hash)


def test_a_strange_address_asks_for_nothing_strange(server: Server) -> None:
    for query in ("stream=%00", "at=x", "before=99999999999999999999", "type=%22%3E", "actor=%ED%A0%80", "before=0"):
        assert server.get(f"/ledger?{query}").status == 200, query
