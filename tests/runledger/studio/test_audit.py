"""The page of who did what: found by filters, without script too, and what was refused among it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.runledger.server.running import Server, running
from tests.runledger.studio.axe import findings_in_both_themes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("audit")) as started:
        for number in range(30):
            started.send("start-run", run_id=f"run-{number:02}", experiment="e", tags={"approved": "no"})
            started.send("tag-run", run_id=f"run-{number:02}", tags={"approved": "<b>yes</b>"}, reason="looks good")
        started.send("add-properties", run_id="run-07", properties={"author": "ada"})
        started.send("add-properties", run_id="run-07", properties={"author": "eve"})
        yield started


def test_changes_are_found_by_thing_and_field_without_script(browser: Browser, server: Server) -> None:
    with browser.new_context(base_url=server.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/ledger")
        page.get_by_role("link", name="Who did what").click()
        page.get_by_label("Thing").fill("run-07")
        page.get_by_label("Field", exact=True).fill("tags.approved")
        page.get_by_role("button", name="Filter").click()
        rows = page.locator("tr[data-row]")
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("<b>yes</b>")
        expect(rows.first.locator("del")).to_have_text("no")
        expect(rows.first).to_contain_text("looks good")
        # From where is for admins.
        expect(rows.first).not_to_contain_text("127.0.0.1")
        with page.expect_download() as download:
            page.get_by_role("link", name=re.compile("CSV")).click()
        assert "tags.approved,no,<b>yes</b>" in download.value.path().read_text()


def test_what_was_refused_is_found_and_older_entries_follow(page: Page) -> None:
    page.goto("/ledger/audit?kind=refused")
    row = page.locator("tr[data-row]")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("properties.author")
    assert findings_in_both_themes(page) == []
    page.goto("/ledger/audit")
    expect(page.locator("tr[data-row]")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tr[data-row]")).to_have_count(63)
    page.goto("/ledger/audit?client=nothing&because_of=5&address=")
    expect(page.locator(".chip")).to_have_text(["nothing", "mails because of 5"])
    assert page.goto("/ledger/audit?address=127.0.0.1").status == 403  # type: ignore[union-attr]
    page.goto("/ledger/audit?actor=nobody")
    expect(page.locator("main")).to_contain_text("Nothing like this")
