"""The page of the ledger: what it holds, and whether it was changed."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ledger.attesting.note import SignerKey
from runledger.attesting import attest
from tests.runledger.server.running import Server, running
from tests.runledger.studio.axe import findings_in_both_themes

_RUNS = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ledger")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with running(folder) as started:
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


def test_it_is_held_against_an_attestation_that_is_pasted_or_a_file(page: Page, folder: Path, tmp_path: Path) -> None:
    signer = SignerKey.new("auditor")
    _, note = attest(str(folder), signer, lambda _: None)
    page.goto("/ledger")
    page.get_by_text("Against an attestation", exact=True).click()
    page.get_by_label("The attestation").fill(note.replace("position", "Position"))
    page.get_by_label("Public key").fill(str(signer.verifier()))
    page.get_by_role("button", name="Verify").click()
    expect(page.locator("#wrong-note")).to_contain_text("no attestation")
    assert page.get_by_label("Public key").input_value() == str(signer.verifier())
    assert findings_in_both_themes(page) == []
    (tmp_path / "monday.note").write_text(note)
    page.locator("[data-fills] input").set_input_files(tmp_path / "monday.note")
    expect(page.get_by_label("The attestation")).to_have_value(note)
    page.get_by_role("button", name="Verify").click()
    check = page.locator("#check")
    expect(check).to_contain_text("signed by auditor", timeout=30_000)
    expect(check).to_contain_text("Nothing up to there has changed")
    assert findings_in_both_themes(page) == []


def test_what_was_changed_is_named(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path) as other, browser.new_context(base_url=other.url, java_script_enabled=False) as context:
        other.send("start-run", run_id="r", experiment="e")
        page = context.new_page()
        page.goto("/ledger")
        expect(page.locator("#check")).to_contain_text("It was not checked since this server began")
        with closing(sqlite3.connect(tmp_path / ".runledger" / "ledger.db")) as connection, connection:
            connection.execute("UPDATE control_events SET actor = 'eve' WHERE place = 1")
        page.get_by_role("button", name="Verify").click()
        while page.get_by_role("link", name="Look again").count():
            page.get_by_role("link", name="Look again").click()
        expect(page.locator("#check [role=alert]")).to_contain_text("position 1, experiment:")
        expect(page.locator("#check [role=alert]")).to_contain_text("its content does not match its hash")


def test_a_strange_address_asks_for_nothing_strange(server: Server) -> None:
    for query in ("stream=%00", "at=x", "before=99999999999999999999", "type=%22%3E", "actor=%ED%A0%80", "before=0"):
        assert server.get(f"/ledger?{query}").status == 200, query
