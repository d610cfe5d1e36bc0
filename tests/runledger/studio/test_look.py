"""Theme, language, keys: what all pages share."""

import pytest
from playwright.sync_api import Browser, Page

from tests.runledger.server.running import Server
from tests.runledger.studio.axe import serious_findings


def test_an_empty_ledger_says_what_to_do(page: Page) -> None:
    page.goto("/")
    assert "from runledger import" in page.locator("pre").inner_text()
    assert page.url.endswith("/runs")


def test_a_page_that_is_not_there_says_so(page: Page) -> None:
    answer = page.goto("/nowhere")
    assert answer is not None
    assert answer.status == 404
    assert "/nowhere" in page.locator("main").inner_text()


@pytest.mark.parametrize("address", ["/runs", "/experiments", "/nowhere"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_hinders_people(page: Page, address: str, theme: str) -> None:
    page.goto(f"/look?theme={theme}&next={address}")
    assert page.locator("html").get_attribute("data-theme") == theme
    assert serious_findings(page) == []


def test_the_language_is_the_browsers_unless_it_was_chosen(browser: Browser, server: Server) -> None:
    with browser.new_context(base_url=server.url, locale="pl-PL") as context:
        page = context.new_page()
        page.goto("/runs")
        assert page.locator("html").get_attribute("lang") == "pl"
        page.get_by_title("English").click()
        assert page.locator("html").get_attribute("lang") == "en"


def test_a_choice_leads_to_no_other_server(page: Page, server: Server) -> None:
    page.goto("/look?theme=dark&next=//example.org/")
    assert page.url.startswith(server.url)


def test_a_question_mark_shows_the_keys(page: Page) -> None:
    page.goto("/runs")
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("e")
    page.wait_for_url("**/experiments")
