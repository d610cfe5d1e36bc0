"""Saved views and the comparison, as persons use them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.runledger.server.running import Server, running
from tests.runledger.studio.axe import serious_findings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("views")) as started:
        for number in range(6):
            run_id = f"run-{number}"
            started.send(
                "start-run", run_id=run_id, experiment="e", tags={"team": "vision" if number % 2 else "speech"}
            )
            started.send("add-parameters", run_id=run_id, parameters={"lr": number / 10, "optimizer": "adam"})
        yield started


def test_a_list_is_saved_opened_and_brought_up_to_date(page: Page) -> None:
    page.goto("/runs?filter=tag.team:is:vision&order_by=name")
    page.get_by_role("link", name="Save as a view").click()
    page.get_by_label("Name", exact=True).fill("Vision team")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("h1")).to_have_text("Vision team")
    expect(page.locator("tr[data-row]")).to_have_count(3)
    page.get_by_role("switch", name="Archived").click()
    page.get_by_role("button", name="Save in this view").click()
    expect(page.locator("h1")).to_have_text("Vision team")
    page.goto("/views")
    page.get_by_role("link", name="Vision team", exact=True).click()
    assert "include_archived=true" in page.url
    expect(page.locator("tr[data-row]").first).to_contain_text("run-1")


def test_the_second_of_two_who_edit_a_view_is_told(page: Page, server: Server) -> None:
    view_id = "11111111-1111-4111-8111-111111111111"
    server.send("save-view", view_id=view_id, name="Mine", query="search=a")
    page.goto(f"/views/{view_id}/edit")
    server.send("change-view", view_id=view_id, name="Theirs")
    page.get_by_label("Name", exact=True).fill("Yours")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else was faster")
    expect(page.get_by_role("alert")).to_contain_text("Theirs")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Yours")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("main")).to_contain_text("Yours")


def test_runs_are_compared_differences_first(page: Page) -> None:
    page.goto("/runs")
    for box in page.locator("input[data-pick]").all()[:3]:
        box.check()
    page.get_by_role("button", name="Compare").click()
    rows = page.locator(".compared tr.differs")
    expect(rows.filter(has_text="lr")).to_have_count(1)
    expect(page.locator(".compared")).not_to_contain_text("optimizer")
    page.get_by_role("switch", name="Show what is equal too").click()
    expect(page.locator(".compared")).to_contain_text("optimizer")
    page.get_by_label("Leave run-4 out").click()
    expect(page.locator(".compared thead th")).to_have_count(3)
    page.get_by_role("link", name="Save as a view").click()
    page.get_by_label("Name", exact=True).fill("Two of them")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/compare?*")
    expect(page.locator(".compared thead th")).to_have_count(3)


def test_one_run_has_nothing_to_be_compared_with(page: Page) -> None:
    page.goto("/compare?run=run-1")
    expect(page.locator("main")).to_contain_text("Tick 2 to 50 runs")


@pytest.mark.parametrize("address", ["/views", "/views/new?query=search%3Da", "/compare?run=run-1&run=run-2&all=1"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_hinders_people(page: Page, address: str, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(address)
    assert serious_findings(page) == []
