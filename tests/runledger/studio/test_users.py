"""Users for an admin, and for everybody his own tokens and sessions."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ledger.commands import AddUser, SetPassword
from runledger.wiring import connect
from schemas.roles import Role
from tests.runledger.server.cheap import HASH, PASSWORD
from tests.runledger.server.running import JSON, Server, running
from tests.runledger.studio.axe import findings_in_both_themes

_NEW = "another horse battery"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("users")
    with running(folder) as started:
        with closing(connect(str(folder))) as operator:
            for name, role in (("ada", Role.ADMIN), ("vera", Role.VIEWER)):
                operator.execute(AddUser(user=name, role=role))
                operator.execute(SetPassword(user=name, password_hash=HASH))
        yield started


def log_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/login?next=/me")
    page.locator("[name=name]").fill(name)
    page.locator("[name=password]").fill(password)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(name)


def test_a_token_is_shown_once_works_and_is_revoked(page: Page, server: Server) -> None:
    log_in(page, "vera")
    page.get_by_label("What for").fill("<b>nightly</b>")
    page.get_by_label("Valid for").fill("soon")
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator(".wrong")).to_contain_text("is no time such as")
    page.get_by_label("Valid for").fill("30d")
    page.get_by_label("What for").fill("<b>nightly</b>")
    page.get_by_role("button", name="Make a token").click()
    token = page.locator("#token").inner_text()
    headers = JSON | {"Authorization": f"Bearer {token}"}
    assert server.ask("GET", "/api/v1/runs", headers=headers).status == 200
    page.goto("/me")
    assert token not in page.content()
    row = page.locator("tr[data-row]", has_text="<b>nightly</b>")
    expect(row).to_contain_text("valid")
    row.get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("revoked")
    assert server.ask("GET", "/api/v1/runs", headers=headers).status == 401


def test_a_password_is_changed_by_who_knows_it_and_logs_out_everywhere_else(
    browser: Browser, page: Page, server: Server
) -> None:
    with browser.new_context(base_url=server.url) as elsewhere:
        other = elsewhere.new_page()
        log_in(other, "vera")
        log_in(page, "vera")
        page.get_by_text("Change your password").click()
        page.get_by_label("The password until now").fill("wrong")
        page.get_by_label("The new password").fill(_NEW)
        page.get_by_role("button", name="Set it").click()
        expect(page.get_by_role("alert")).to_contain_text("is wrong")
        page.get_by_label("The password until now").fill(PASSWORD)
        page.get_by_label("The new password").fill(_NEW)
        page.get_by_role("button", name="Set it").click()
        expect(page.locator("h1")).to_have_text("vera")
        other.goto("/me")
        assert "/login" in other.url
    page.get_by_text("Change your password").click()
    page.get_by_label("The password until now").fill(_NEW)
    page.get_by_label("The new password").fill(PASSWORD)
    page.get_by_role("button", name="Set it").click()
    expect(page.locator("h1")).to_have_text("vera")


def test_a_session_is_ended_from_another_browser(browser: Browser, page: Page, server: Server) -> None:
    with browser.new_context(base_url=server.url) as elsewhere:
        other = elsewhere.new_page()
        log_in(other, "vera")
        log_in(page, "vera")
        rows = page.locator("tr[data-row]", has=page.get_by_role("button", name="Log out the session"))
        before = rows.count()
        assert findings_in_both_themes(page) == []
        rows.filter(has_not_text="this browser").first.get_by_role("button").click()
        expect(rows).to_have_count(before - 1)
        other.goto("/me")
        expect(other).to_have_url(re.compile("/login"))


def test_an_admin_adds_changes_and_disables_somebody(browser: Browser, page: Page, server: Server) -> None:
    log_in(page, "ada")
    page.goto("/users")
    assert findings_in_both_themes(page) == []
    page.get_by_label("Name").fill("ben")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".wrong")).to_be_visible()
    assert page.get_by_label("Name").input_value() == "ben"
    page.get_by_label("Password").fill(_NEW)
    page.get_by_role("button", name="Add").click()
    expect(page.locator("h1")).to_have_text("ben")
    page.get_by_label("Role").select_option("viewer")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("header .tag")).to_have_text("viewer")
    assert findings_in_both_themes(page) == []
    with browser.new_context(base_url=server.url) as elsewhere:
        ben = elsewhere.new_page()
        log_in(ben, "ben", _NEW)
        ben.goto("/users")
        expect(ben).to_have_url(re.compile("/me$"))
        assert ben.goto("/users/ada").status == 403  # type: ignore[union-attr]
        page.get_by_role("button", name="Let in no more").click()
        expect(page.locator("header .status")).to_have_text("disabled")
        ben.goto("/me")
        expect(ben).to_have_url(re.compile("/login"))


def test_the_last_admin_stays(page: Page) -> None:
    log_in(page, "ada")
    page.goto("/users/ada")
    page.get_by_role("button", name="Let in no more").click()
    expect(page.locator("[role=alert]")).to_contain_text("last admin")


def test_who_only_reads_sees_no_buttons_and_is_refused(page: Page) -> None:
    log_in(page, "vera")
    page.goto("/alerts")
    expect(page.locator("main")).to_contain_text("Ask somebody who may write")
    assert page.goto("/alerts/new").status == 403  # type: ignore[union-attr]
    page.goto("/ledger")
    assert page.get_by_role("button", name="Verify").count() == 0
    token = page.locator("body").get_attribute("hx-headers:inherited") or ""
    csrf = re.findall('"X-CSRF-Token": "([0-9a-f]+)"', token)[0]
    for path in ("/ledger/verify", "/alerts/first", "/users"):
        assert page.request.post(path, form={"csrf_token": csrf, "name": "x", "recipient": "a@b.org"}).status == 403, (
            path
        )
    page.goto("/ledger/audit?actor=vera&kind=refused&action=command.refused")
    rows = page.locator("tr[data-row]")
    expect(rows.filter(has_text=re.compile("user:"))).to_contain_text("refused forbidden")


def test_without_users_it_is_said_how_the_first_is_made(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path) as nobody, browser.new_context(base_url=nobody.url) as context:
        page = context.new_page()
        page.goto("/users")
        expect(page.locator("pre")).to_contain_text("runledger user add")
        page.goto("/me")
        expect(page.locator("main")).to_contain_text("not logged in with a password")
