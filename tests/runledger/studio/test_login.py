"""Logging in and out with a real browser, which keeps our cookies and obeys our policy."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page

from ledger.commands import AddUser, SetPassword
from runledger.wiring import connect
from schemas.roles import Role
from tests.runledger.server.cheap import HASH, PASSWORD
from tests.runledger.server.running import Server, running
from tests.runledger.studio.axe import serious_findings


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("people")
    with running(folder) as started:
        with closing(connect(str(folder))) as operator:
            operator.execute(AddUser(user="ada", role=Role.CONTRIBUTOR))
            operator.execute(SetPassword(user="ada", password_hash=HASH))
        yield started


def log_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_person_logs_in_works_and_is_told_what_went_wrong(page: Page) -> None:
    page.goto("/experiments?x=1")
    assert page.url.endswith("/login?next=%2Fexperiments%3Fx%3D1")
    log_in(page, "wrong horse battery")
    assert page.get_by_role("alert").inner_text() == "The name or the password is wrong."
    assert page.get_by_label("Name").input_value() == "ada"
    log_in(page)
    page.wait_for_url("**/experiments?x=1")
    assert page.evaluate("document.cookie") == ""
    refused, taken = page.evaluate(
        """async () => {
            const ask = headers => fetch("/api/v1/commands", {
                method: "POST", headers: {"Content-Type": "application/json", ...headers},
                body: JSON.stringify({type: "create-experiment", command: crypto.randomUUID(), name: "by-script"})});
            const given = JSON.parse(document.body.getAttribute("hx-headers:inherited"));
            return [(await ask({})).status, (await ask(given)).status];
        }"""
    )
    page.reload()

    assert (refused, taken) == (403, 200)
    assert "by-script" in page.locator("main").inner_text()


def test_a_page_of_another_site_is_not_let_act(browser: Browser, server: Server) -> None:
    with browser.new_context(base_url=server.url) as context:
        page = context.new_page()
        page.goto("/login")
        log_in(page)
        page.wait_for_url("**/runs")
        form = f'<form method="post" action="{server.url}/logout"><button>You have won</button></form>'
        page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=form))
        page.goto("http://evil.example/")
        with page.expect_response("**/logout") as refused:
            page.get_by_role("button").click()
        page.wait_for_load_state()
        page.goto("/runs")

        assert refused.value.status == 403
        assert page.url == f"{server.url}/runs"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_hinders_people(page: Page, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto("/login")

    assert serious_findings(page) == []


def test_the_form_works_without_script(browser: Browser, server: Server) -> None:
    with browser.new_context(base_url=server.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto("/login")
        log_in(page)
        page.wait_for_url("**/runs")
        assert "ada" in page.locator("nav").inner_text()
